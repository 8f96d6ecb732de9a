import Benchmark
import Configuration
import Data
import GradientReduction
import MPI
import Models
import Recording
import Reports
import Training

/// The share of the exchange between ranks that overlaps the passes, measured in one run: variants
/// take turns in blocks of steps.
///
/// Every rank computes steps alone, with the exchange after the pass, and with the exchange during
/// the passes. A block begins at a barrier, and ends on a rank when it has all weights of its last
/// step; its slowest rank counts, and of a variant's blocks the median. hidden = (compute +
/// transfer - overlapped) / transfer, transfer = apart - compute. Arguments: the workload, blocks,
/// steps a block, and `hierarchical` for ranks of which several share a node: these have their
/// gradient in its memory, and the exchange that is apart is one after the pass.
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
      text: text, source: workload.name, overrides: keys)
    return try Trainer(
      experiment, data: TrainingData(experiment.data, seed: 1, on: group), on: group)
  }
  var variants: [(name: String, keys: [String], late: Bool)] = []
  if arguments.contains("hierarchical") {
    for late in [true, false] {
      variants.append(("hierarchical", ["training.exchange=shared"], late))
    }
  } else {
    for gradient in ["replicated", "sharded"] {
      let keys = ["training.exchange=messages", "training.gradient=\(gradient)"]
      for overlap in ["never", "always"] {
        variants.append((gradient, keys + ["training.overlap=\(overlap)"], false))
      }
    }
  }
  let computing = try trainer(["training.exchange=messages"], on: alone)
  let trainers = try variants.map { try trainer($0.keys, on: world) }
  // A fault that changes nothing holds the gradient back until the pass is over.
  for (variant, trainer) in zip(variants, trainers) where variant.late {
    trainer.faults.changeGradient = { _, _ in }
  }
  var times = [[Double]](repeating: [], count: trainers.count + 1)
  var shares = [PhaseTimes](repeating: .zero, count: trainers.count + 1)
  for block in 0...blocks {
    for index in 0...trainers.count {
      try world.barrier()
      let start = monotonicNanoseconds()
      var share = PhaseTimes.zero
      for _ in 0..<perBlock {
        let trainer = index == 0 ? computing : trainers[index - 1]
        let outcome =
          index == 0 ? try computing.step(on: alone) : try trainer.stepAhead(on: world)
        share += outcome.seconds
        if index > 0 && variants[index - 1].late { try trainer.finishAllGather() }
      }
      if index > 0 { try trainers[index - 1].finishAllGather() }
      let seconds = Double(monotonicNanoseconds() - start) * 1e-9 - share[.data]
      let slowest = try world.allReduce(seconds / Double(perBlock), .maximum)
      // The first block warms up.
      guard block > 0 else { continue }
      times[index].append(slowest * 1e3)
      shares[index] += share
    }
  }
  guard world.rank == 0 else { return }
  let medians = times.map { $0.sorted()[$0.count / 2] }
  func text(_ value: Double) -> String { NumberFormat.fixed(value, decimals: 2) }
  let names =
    ["compute alone"]
    + variants.enumerated().map { "\($1.name), \($0 % 2 == 0 ? "apart" : "overlapped")" }
  for (index, name) in names.enumerated() {
    let share = shares[index] * (1e3 / Double(times[index].count * perBlock))
    let parts = Phase.allCases.map { "\($0.name) \(text(share[$0]))" }.joined(separator: ", ")
    print("\(workload.name) \(name): \(text(medians[index])) ms; rank 0's mean: \(parts)")
  }
  for apart in stride(from: 1, to: medians.count, by: 2) {
    let transfer = medians[apart] - medians[0]
    let hidden = (medians[0] + transfer - medians[apart + 1]) / transfer
    print(
      "\(workload.name) \(variants[apart - 1].name): transfer \(text(transfer)) ms, hidden \(NumberFormat.fixed(100 * hidden, decimals: 0)) %"
    )
  }
}
