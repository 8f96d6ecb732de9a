import Benchmark
import Configuration
import Data
import MPI
import Models
import Recording
import Reports
import Training

/// The share of the exchange between ranks that overlaps the backward pass, measured in one run:
/// variants take turns in blocks of steps.
///
/// Every rank computes a step alone, with the exchange after the pass, and with the exchange during
/// the pass. Each step's slowest rank counts, and of a variant's steps the median. hidden =
/// (compute + transfer - overlapped) / transfer, transfer = apart - compute. Arguments: the
/// workload, blocks, steps a block.
let overlapCostProgram = RankProgram("overlap-cost") { world, arguments in
  setComputeThreads(1)
  guard let workload = Workload.named(arguments.first ?? "gpt-cpu") else {
    throw CheckFailure(description: "no such workload")
  }
  let blocks = arguments.count > 1 ? Int(arguments[1])! : 10
  let perBlock = arguments.count > 2 ? Int(arguments[2])! : 10
  let alone = try world.split(color: world.rank)
  func trainer(_ keys: [String], on group: borrowing Communicator) throws -> Trainer {
    let text = workload.experiment(ranks: group.size, steps: 1_000_000)
    let experiment = try Experiment(
      text: text, source: workload.name, overrides: keys + ["training.exchange=messages"])
    return try Trainer(
      experiment, data: TrainingData(experiment.data, seed: 1, on: group), on: group)
  }
  let variants: [(name: String, gradient: String, overlap: String)] = [
    ("replicated, apart", "replicated", "never"),
    ("replicated, overlapped", "replicated", "always"),
    ("sharded, apart", "sharded", "never"), ("sharded, overlapped", "sharded", "always"),
  ]
  let computing = try trainer([], on: alone)
  let trainers = try variants.map {
    try trainer(["training.gradient=\($0.gradient)", "training.overlap=\($0.overlap)"], on: world)
  }
  var times = [[Double]](repeating: [], count: trainers.count + 1)
  var shares = [PhaseTimes](repeating: .zero, count: trainers.count + 1)
  for block in 0...blocks {
    for index in 0...trainers.count {
      for _ in 0..<perBlock {
        try world.barrier()
        let outcome =
          index == 0 ? try computing.step(on: alone) : try trainers[index - 1].step(on: world)
        let slowest = try world.allReduce(outcome.totalSeconds - outcome.seconds[.data], .maximum)
        // The first block warms up.
        guard block > 0 else { continue }
        times[index].append(slowest * 1e3)
        shares[index] += outcome.seconds
      }
    }
  }
  guard world.rank == 0 else { return }
  let medians = times.map { $0.sorted()[$0.count / 2] }
  func text(_ value: Double) -> String { NumberFormat.fixed(value, decimals: 2) }
  for (index, name) in (["compute alone"] + variants.map(\.name)).enumerated() {
    let share = shares[index] * (1e3 / Double(times[index].count))
    let parts = Phase.allCases.map { "\($0.name) \(text(share[$0]))" }.joined(separator: ", ")
    print("\(workload.name) \(name): \(text(medians[index])) ms; rank 0's mean: \(parts)")
  }
  for apart in [1, 3] {
    let transfer = medians[apart] - medians[0]
    let hidden = (medians[0] + transfer - medians[apart + 1]) / transfer
    print(
      "\(workload.name) \(variants[apart].gradient): transfer \(text(transfer)) ms, hidden \(NumberFormat.fixed(100 * hidden, decimals: 0)) %"
    )
  }
}
