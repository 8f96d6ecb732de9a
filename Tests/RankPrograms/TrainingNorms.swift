import CRankPrograms
import Configuration
import Data
import GradientNorms
import MPI
import Models
import Training
import Vectors

/// Gradients put in by hand, for which the sum of the ranks' squared norms is not the squared norm
/// of the mean gradient.
let normTrapsProgram = RankProgram("norm-traps") { world, _ in
  /// The elements of rank r's mean gradient at the first and the last weight of the model, which
  /// are in different slices.
  typealias Gradient = @Sendable (_ rank: Int) -> (first: Float, last: Float)
  let identical: Gradient = { _ in (3, 4) }
  let orthogonal: Gradient = { $0 == 0 ? (5, 0) : (0, 5) }
  let opposing: Gradient = { $0 % 2 == 0 ? (-3, 4) : (3, -4) }
  let traps: [(ranks: Int, batch: Int, gradient: Gradient, norm: Double)] = [
    (2, 12, identical, 5), (4, 12, identical, 5), (3, 7, identical, 5), (5, 12, identical, 5),
    (2, 12, orthogonal, (12.5).squareRoot()), (2, 3, orthogonal, (125.0 / 9).squareRoot()),
    (2, 12, opposing, 0), (4, 12, opposing, 0), (2, 3, opposing, 5.0 / 3),
  ]
  var cases: [Case] = []
  for trap in traps {
    for (exchange, keys) in exchanges {
      cases.append(
        Case(
          "\(exchange) on \(trap.ranks) ranks, batch \(trap.batch), norm \(trap.norm)",
          ranks: trap.ranks
        ) { part in
          let trainer = try trainer(
            small, keys + ["training.global_batch=\(trap.batch)"], on: part)
          let (rank, size) = (part.rank, part.size)
          let share = trap.batch / size + (rank < trap.batch % size ? 1 : 0)
          trainer.faults.changeGradient = { gradient, _ in
            let (first, last) = trap.gradient(rank)
            let weight = Float(share) / Float(trap.batch)
            let end = gradient.layout.segments.last!.range.upperBound - 1
            gradient.setToZero()
            var elements = gradient.mutableElements
            elements[0] = weight * first
            elements[end] = weight * last
          }
          let ledger = try trainer.step(on: part).ledger
          // w = 1/N or thirds in Float32: seven digits.
          try expect(
            abs(ledger.norm - trap.norm) < 1e-6 * 5, "‖g‖ is \(ledger.norm), not \(trap.norm)")
          try expect(isClose(ledger.localRMS, 5, 1e-6), "√L is \(ledger.localRMS), not 5")
          try expect(
            isClose(ledger[.localNorm].value, 5, 1e-6),
            "the largest local norm is \(ledger[.localNorm].value), not 5")
          try expect(ledger.norm <= ledger.localRMS * (1 + 1e-12), "‖g‖ above √L")
        })
    }
  }
  try run(cases, on: world)
}

/// A step costs one MPI_Allreduce, of the ledger; the replicated exchange one more, of the
/// gradient. A first step or two may send the whole ledger too.
let ledgerCallsProgram = RankProgram("ledger-calls") { world, _ in
  var cases: [Case] = []
  for ranks in 1...4 {
    for (exchange, keys) in exchanges {
      cases.append(
        Case("\(exchange) on \(ranks) ranks", ranks: ranks) { part in
          let trainer = try trainer(small, keys + ["clip.rule=global"], on: part)
          let (calls, bytes) = (crp_allreduce_calls(), crp_allreduce_bytes())
          while trainer.stepsDone < trainer.totalSteps { _ = try trainer.step(on: part) }
          let layout = trainer.model.layout
          let ledgers = LedgerLayout(tensorCount: layout.segments.count)
          let ledger = LedgerWindows(ledgers).bytes
          let sumsGradient = exchange == "replicated" && part.size > 1
          let wanted = (
            calls: sumsGradient ? 2 : 1,
            bytes: ledger + (sumsGradient ? 4 * layout.elementCount : 0)
          )
          let seen = (calls: crp_allreduce_calls() - calls, bytes: crp_allreduce_bytes() - bytes)
          let whole = seen.calls - wanted.calls * trainer.totalSteps
          try expect(
            (0...2).contains(whole),
            "\(seen.calls) calls of MPI_Allreduce in \(trainer.totalSteps) steps")
          let bytesWanted =
            wanted.bytes * trainer.totalSteps + whole * 8 * NormLedger(ledgers).record.count
          try expect(seen.bytes == bytesWanted, "\(seen.bytes) bytes, not \(bytesWanted)")
          if part.rank == 0 {
            print(
              "\(part.size) \(exchange) \(Double(seen.calls) / Double(trainer.totalSteps)) \(ledger)"
            )
          }
        })
    }
  }
  try run(cases, on: world)
}
