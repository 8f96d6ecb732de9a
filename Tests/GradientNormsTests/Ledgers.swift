import GradientNorms
import RankTesting

/// Vectors and their sums, for the ledgers of simulated ranks.
func squared(_ vector: [Double]) -> Double { vector.reduce(0) { $0 + $1 * $1 } }

/// The ledger of a step in which rank i has `batches[i]` samples with the mean gradient
/// `gradients[i][tensor]`, as the ranks would reduce it: the squares of the mean gradient come from
/// disjoint pieces, here a tensor each.
func ledger(batches: [Int], gradients: [[[Double]]], losses: [Double]? = nil) -> NormLedger {
  let total = batches.reduce(0, +)
  let tensors = gradients[0].count
  return combined(
    batches.indices.map { rank in
      let weight = Double(batches[rank]) / Double(total)
      var ledger = NormLedger(LedgerLayout(tensorCount: tensors))
      ledger.contribute(
        samples: batches[rank], of: total, loss: losses?[rank] ?? 0,
        weightedSquares: gradients[rank].map { weight * weight * squared($0) },
        rank: rank)
      for tensor in 0..<tensors where tensor % batches.count == rank {
        let mean = gradients[0][tensor].indices.map { index in
          batches.indices.reduce(0) {
            $0 + Double(batches[$1]) / Double(total) * gradients[$1][tensor][index]
          }
        }
        ledger[.squares, tensor] = squared(mean)
      }
      return ledger
    })
}
