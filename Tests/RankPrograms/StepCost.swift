import Configuration
import Data
import Glibc
import GradientReduction
import MPI
import Models
import Recording
import Training

/// The cost of norms and of reproducibility, measured in one run: variants take turns in blocks of
/// steps, and medians of the slowest rank's steps are compared.
private let workloads = [("mlp-small", "[128]", 100), ("mlp", "[1024, 1024]", 15)]

/// A trainer to be measured: its name and its own keys.
private typealias Variant = (name: String, keys: [String], measuresNorms: Bool)

private let variants: [String: [Variant]] = [
  "norms": [
    ("plain", ["clip.rule=none"], false), ("ledger", ["clip.rule=none"], true),
    ("clipped", ["clip.rule=global"], true),
    ("reproducible", ["clip.rule=global", "training.reproducible=true"], true),
  ],
  "exchanges": [
    ("messages", ["clip.rule=global", "training.exchange=messages"], true),
    ("shared", ["clip.rule=global", "training.exchange=shared"], true),
    ("replicated", ["clip.rule=global", "training.gradient=replicated"], true),
    ("reproducible", ["clip.rule=global", "training.reproducible=true"], true),
    (
      "reproducible by messages",
      ["clip.rule=global", "training.reproducible=true", "training.exchange=messages"], true
    ),
  ],
]

/// Arguments: blocks, the workload or `all`, `norms` or `exchanges`, and further keys for all
/// variants.
let costPrograms: [RankProgram] = [
  RankProgram("step-cost") { world, arguments in
    setComputeThreads(1)
    let blocks = arguments.first.flatMap { Int($0) } ?? 20
    guard let chosen = variants[arguments.count > 2 ? arguments[2] : "norms"] else {
      throw CheckFailure(
        description: "step-cost measures \(variants.keys.sorted().joined(separator: " or "))")
    }
    let part = try world.split(color: 0)
    for (name, hidden, perBlock) in workloads
    where arguments.count < 2 || ["all", name].contains(arguments[1]) {
      let trainers = try chosen.map { variant -> any TimedStep in
        let experiment = try benchmarkExperiment(
          hidden: hidden, keys: variant.keys + arguments.dropFirst(3), ranks: part.size)
        let data = try TrainingData(experiment.data, seed: 1, on: part)
        return variant.measuresNorms
          ? try Trainer(experiment, data: data, on: part)
          : try UnmeasuredTrainer(experiment, data: data, on: part)
      }
      var times = trainers.map { _ in [Double]() }
      for block in 0...blocks {
        for (index, trainer) in trainers.enumerated() {
          for _ in 0..<perBlock {
            try part.barrier()
            let seconds = try trainer.timedStep(on: part)
            let slowest = try part.allReduce(seconds, .maximum)
            // The first block warms up.
            if block > 0 { times[index].append(slowest) }
          }
        }
      }
      if part.rank == 0 {
        let medians = times.map { $0.sorted()[$0.count / 2] * 1e3 }
        for (variant, median) in zip(chosen, medians) {
          print(
            "\(name) \(variant.name): \(NumberFormat.fixed(median, decimals: 3)) ms, \(NumberFormat.fixed(median / medians[0], decimals: 3)) of \(chosen[0].name), \(NumberFormat.fixed(median / medians[1], decimals: 3)) of \(chosen[1].name)"
          )
        }
      }
    }
  }
]

/// What of a step's time counts: from its start to its updated weights.
private protocol TimedStep {
  func timedStep(on world: borrowing Communicator) throws -> Double
}

extension Trainer: TimedStep {
  fileprivate func timedStep(on world: borrowing Communicator) throws -> Double {
    try step(on: world).totalSeconds
  }
}

extension UnmeasuredTrainer: TimedStep {
  fileprivate func timedStep(on world: borrowing Communicator) throws -> Double {
    let start = monotonicNanoseconds()
    try step(on: world)
    return Double(monotonicNanoseconds() - start) * 1e-9
  }
}

/// A trainer of a bench workload: 64 samples a rank, momentum.
func benchmarkTrainer(hidden: String, keys: [String], on world: borrowing Communicator) throws
  -> Trainer
{
  let experiment = try benchmarkExperiment(hidden: hidden, keys: keys, ranks: world.size)
  return try Trainer(experiment, data: TrainingData(experiment.data, seed: 1, on: world), on: world)
}

private func benchmarkExperiment(hidden: String, keys: [String], ranks: Int) throws -> Experiment {
  let text = """
    [model]
    hidden = \(hidden)
    [training]
    global_batch = \(64 * ranks)
    micro_batch = 64
    steps = 1000000
    [optimizer]
    kind = "momentum"
    learning_rate = 0.01
    """
  return try Experiment(text: text, source: "bench", overrides: keys)
}
