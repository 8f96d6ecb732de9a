import Glibc
import MPI
import Models
import Reports
import Training

/// What norms and reproducibility cost, measured in one run: variants take turns in blocks of steps, and medians of the slowest rank's steps are compared.
private let workloads = [("mlp-small", "[128]", 100), ("mlp", "[1024, 1024]", 15)]

let costPrograms: [RankProgram] = [
  RankProgram("step-cost") { world, arguments in
    setComputeThreads(1)
    let blocks = arguments.first.flatMap { Int($0) } ?? 20
    let gradient = arguments.count > 2 ? arguments[2] : "sharded"
    let part = try world.split(color: 0)
    for (name, hidden, perBlock) in workloads where arguments.count < 2 || arguments[1] == name {
      let trainers = try [("plain", "false", false), ("ledger", "false", true), ("reproducible", "true", true)].map {
        (name: $0, trainer: try benchmarkTrainer(hidden: hidden, reproducible: $1, measuresNorms: $2, gradient: gradient, on: part))
      }
      var times = trainers.map { _ in [Double]() }
      for block in 0...blocks {
        for (index, variant) in trainers.enumerated() {
          for _ in 0..<perBlock {
            try part.barrier()
            let seconds = try variant.trainer.step(on: part).totalSeconds
            let slowest = try part.allReduce(seconds, .maximum)
            // The first block warms up.
            if block > 0 { times[index].append(slowest) }
          }
        }
      }
      if part.rank == 0 {
        let medians = times.map { $0.sorted()[$0.count / 2] * 1e3 }
        for (variant, median) in zip(trainers, medians) {
          print(
            "\(name) \(variant.name): \(Figures.fixed(median, decimals: 3)) ms, \(Figures.fixed(median / medians[0], decimals: 3)) of plain, \(Figures.fixed(median / medians[1], decimals: 3)) of ledger"
          )
        }
      }
    }
  }
]

/// A trainer of a bench workload: 64 samples a rank, momentum, global clip.
private func benchmarkTrainer(
  hidden: String, reproducible: String, measuresNorms: Bool, gradient: String, on world: borrowing Communicator
) throws -> Trainer {
  let text = """
    [model]
    hidden = \(hidden)
    [training]
    global_batch = \(64 * world.size)
    micro_batch = 64
    steps = 1000000
    reproducible = \(reproducible)
    gradient = "\(gradient)"
    [optimizer]
    kind = "momentum"
    learning_rate = 0.01
    [clip]
    rule = "\(measuresNorms ? "global" : "none")"
    """
  let experiment = try Experiment(text: text, source: "bench", overrides: [])
  let trainer = try Trainer(experiment, data: TrainingData(experiment.data, seed: 1, on: world), on: world)
  trainer.measuresNorms = measuresNorms
  return trainer
}
