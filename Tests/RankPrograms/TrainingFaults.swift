import Configuration
import GradientReduction
import Data
import GradientNorms
import MPI
import Models
import Optimizers
import Recording
import Reports
import Training
import Vectors

/// A value put into one element of a tensor, at one step, on some ranks.
private struct Fault {
  let value: Float
  let tensor: String
  let ranks: [Int]
  /// The rank that the ledger must name, and on how many; none where the sum alone overflows.
  let named: (rank: Int?, count: Int)

  /// Puts it in, on the ranks that have it.
  func insert(into gradient: inout FlatVector, rank: Int) {
    guard ranks.contains(rank), let index = gradient.layout.index(named: tensor) else { return }
    let position = gradient.layout.segments[index].range.upperBound - 1
    var elements = gradient.mutableElements
    elements[position] = value
  }

  static let all = [
    Fault(value: .nan, tensor: "layers.0.weight", ranks: [1], named: (1, 1)),
    Fault(value: .infinity, tensor: "layers.1.bias", ranks: [0], named: (0, 1)),
    Fault(value: -.infinity, tensor: "layers.1.weight", ranks: [1, 2], named: (1, 2)),
    Fault(value: .nan, tensor: "layers.0.bias", ranks: [0, 1, 2], named: (0, 3)),
    // 3·10³⁸ is a Float, two of them are not.
    Fault(value: 3e38, tensor: "layers.0.bias", ranks: [0, 2], named: (nil, 0)),
  ]
}

/// A step with a gradient that is not finite changes neither weights nor moments, on no rank, and
/// the next steps train.
let skipProgram = RankProgram("skip") { world, _ in
  var cases: [Case] = []
  for ranks in [3, 5] {
    for fault in Fault.all {
      for exchange in exchanges {
        for rule in ["momentum", "adamw"] {
          let name =
            "\(fault.value) in \(fault.tensor) of ranks \(fault.ranks), \(exchange.name) \(rule), on \(ranks) ranks"
          cases.append(
            Case(name, ranks: ranks) { part in
              let trainer = try trainer(
                faulty,
                exchange.keys + [
                  "optimizer.kind=\(rule)", "clip.rule=global", "clip.max_norm=0.1",
                ], on: part)
              try checkSkip(trainer, fault, on: part)
            })
        }
      }
    }
  }
  try run(cases, on: world)
}

private func checkSkip(_ trainer: Trainer, _ fault: Fault, on part: borrowing Communicator) throws {
  let rank = part.rank
  trainer.faults.changeGradient = { gradient, step in
    if step == 4 { fault.insert(into: &gradient, rank: rank) }
  }
  for _ in 1...3 {
    try expect(try !trainer.step(on: part).decision.isSkip, "a sound step was skipped")
  }
  let (before, count) = (trainer.fingerprint, trainer.optimizer.stepCount)
  let outcome = try trainer.step(on: part)
  if case .skip(.nonFinite(let nonFinite)) = outcome.decision.action {
    try expect(
      nonFinite.rank == fault.named.rank && nonFinite.ranks == fault.named.count
        && nonFinite.tensor == trainer.model.layout.index(named: fault.tensor),
      "the ledger names \(nonFinite)")
  } else {
    try expect(false, "the step is not skipped but \(outcome.decision.action)")
  }
  try expect(
    outcome.decision.norm == nil && outcome.decision.coefficient == 0,
    "\(outcome.decision)")
  try expect(
    outcome.step == 4 && trainer.stepsDone == 4, "the skipped step is not counted")
  try expect(
    trainer.fingerprint == before, "the weights or moments of this rank changed")
  try expect(trainer.optimizer.stepCount == count, "the optimiser counted the step")
  let isNamed = fault.ranks.contains(rank) && fault.named.rank != nil
  try expect(
    outcome.local.norm.isNaN == isNamed,
    "this rank reports its own norm as \(outcome.local.norm)")
  for step in 5...7 {
    let next = try trainer.step(on: part)
    try expect(
      !next.decision.isSkip && next.ledger.norm.isFinite && next.step == step,
      "step \(step) is \(next.decision)")
  }
  try expect(trainer.fingerprint != before, "training did not continue")
  try part.expectEqual(trainer.weights.digest(), "the weights")
}

private let faulty = """
  [model]
  hidden = [7]
  [data]
  kind = "blobs"
  samples = 500
  classes = 5
  dimensions = 6
  [training]
  global_batch = 40
  steps = 8
  """

/// A whole run with a NaN on one rank at step 5 and one on every rank at step 6, whose files and
/// messages tests read. Argument: directory.
let skipRunProgram = RankProgram("skip-run") { world, arguments in
  let run = try Run(
    RunOptions(experiment: arguments[0] + "/test.toml", output: arguments[0] + "/run"), on: world)
  let rank = world.rank
  let (one, every) = (Fault.all[0], Fault.all[3])
  run.trainer.faults.changeGradient = { gradient, step in
    if step == 5 { one.insert(into: &gradient, rank: rank) }
    if step == 6 { every.insert(into: &gradient, rank: rank) }
  }
  try expect(try run.train(on: world) == .done, "the run did not end")
}
