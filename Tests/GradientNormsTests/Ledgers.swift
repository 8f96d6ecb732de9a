import GradientNorms

/// The ledger that a reduction over these ranks' ledgers gives.
func combined(_ ledgers: [NormLedger]) -> NormLedger {
  var record = ledgers[0].record
  for other in ledgers.dropFirst() {
    other.record.withUnsafeBufferPointer { source in
      record.withUnsafeMutableBufferPointer {
        NormLedger.combine(source.baseAddress!, into: $0.baseAddress!, length: $0.count)
      }
    }
  }
  return ledgers[0].with(record: record)
}

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

/// A stream of numbers that is the same in every run (SplitMix64).
struct Numbers {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in 0 ..< 1.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
