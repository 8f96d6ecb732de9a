import Configuration
import Data
import FoundationEssentials
import GradientNorms
import GradientReduction
import MPI
import Training
import Vectors

/// The noise scale of samples at one rank, of a quadratic whose noise is known: each sample's loss is
/// the mean of (w − y)², y around G with deviations σₖ, Σσₖ² = 8.08. Of the mean over the six
/// outputs the gradient at w = 0 is −y/3: a ninth of that, and of ‖G‖².
///
/// 30,000 samples are drawn from it, of which batches of 16 are: the estimate's expectation is the
/// finite population's own variance. Prints both ratios and the standard error of the first, from
/// the means of 20 parts of the run. Argument: a directory.
let noiseQuadraticProgram = RankProgram("noise-quadratic") { world, arguments in
  let deviations = [0.5, 1, 1.5, 0.7, 0.3, 2]
  var random = RandomStream(3, 1)
  let mean = deviations.map { _ in 0.6 * random.gaussian() }
  let rows = 30_000
  let truth = deviations.reduce(0) { $0 + $1 * $1 }
  let signal = mean.reduce(0) { $0 + $1 * $1 }
  var (sums, squares) = (deviations.map { _ in 0.0 }, 0.0)
  var text = "x,a,b,c,d,e,f\n"
  for _ in 0..<rows {
    let y = zip(mean, deviations).map { Double(Float($0 + $1 * random.gaussian())) }
    for (place, value) in y.enumerated() {
      sums[place] += value
      squares += value * value
    }
    text += "0," + y.map { "\($0)" }.joined(separator: ",") + "\n"
  }
  let own = sums.map { $0 / Double(rows) }.reduce(0) { $0 + $1 * $1 }
  let variance = (squares - Double(rows) * own) / Double(rows - 1)
  let file = arguments[0] + "/quadratic.csv"
  try text.write(toFile: file, atomically: true, encoding: .utf8)
  let experiment = try Experiment(
    text: """
      [model]
      kind = "linear"
      [data]
      kind = "csv"
      path = "\(file)"
      targets = ["a", "b", "c", "d", "e", "f"]
      standardize = false
      validation = 0.0
      [training]
      global_batch = 16
      micro_batch = 16
      steps = 15000
      [optimizer]
      learning_rate = 1e-30
      [report]
      noise = "samples"
      [guard]
      compare_every = 0
      """, source: "quadratic", overrides: [])
  let trainer = try Trainer(
    experiment, data: TrainingData(experiment.data, seed: 1, on: world), on: world)
  trainer.weights.setToZero()
  var parts: [Double] = []
  var all = NoiseScale(memory: 1 - 1e-9)
  for _ in 0..<20 {
    var part = NoiseScale(memory: 1 - 1e-9)
    for _ in 0..<750 {
      let ledger = try trainer.step(on: world).ledger
      part.record(ledger)
      all.record(ledger)
    }
    parts.append(part.variance ?? .nan)
  }
  guard let found = all.variance, let scale = all.scale else {
    throw CheckFailure(description: "nothing was estimated")
  }
  let average = parts.reduce(0, +) / 20
  let spread = parts.reduce(0) { $0 + ($1 - average) * ($1 - average) } / 19
  let error = (spread / 20).squareRoot() / average
  print(
    "noise of samples at \(world.size) rank: trΣ \(9 * found), \(9 * found / truth) of 8.08, \(9 * found / variance) of the population's, standard error \(error); noise scale \(scale), \(scale / (truth / signal)) of \(truth / signal)"
  )
  try expectClose(9 * found, truth, 0.03, "trΣ")
  try expectClose(9 * found, variance, 0.007, "trΣ of the population")
  try expectClose(scale, truth / signal, 0.03, "the noise scale")
  try expect(error <= 0.007, "the standard error is \(error)")
}
