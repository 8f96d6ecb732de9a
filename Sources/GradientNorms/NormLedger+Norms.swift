import Glibc

// What a reduced ledger says. All of it is the same on every rank.
extension NormLedger {
  /// B, the samples of the step over all ranks.
  public var samples: Double { self[.samples] }

  /// The mean loss over the step's samples.
  public var meanLoss: Double { self[.loss] / samples }

  /// T = ‖g‖²: the squared norm of the sample-weighted mean gradient.
  public var squaredNorm: Double { (0..<tensorCount).reduce(0) { $0 + self[globalSquares: $1] } }

  /// The exact global norm ‖g‖.
  public var norm: Double { squaredNorm.squareRoot() }

  /// The norm of one tensor's mean gradient.
  public func norm(ofTensor tensor: Int) -> Double { self[globalSquares: tensor].squareRoot() }

  /// L = Σ wᵢ‖gᵢ‖², from whole local gradients.
  public var meanLocalSquares: Double { (0..<tensorCount).reduce(0) { $0 + self[weightedLocalSquares: $1] } / samples }

  /// √L ≥ ‖g‖: the root mean square of the local norms. √L ≤ max_norm proves that nothing will be clipped.
  public var localRMS: Double { meanLocalSquares.squareRoot() }

  /// What is not finite in the step, if anything.
  public var nonFinite: NonFinite? {
    if self[.nonFinite] > 0 {
      let peak = self[.nonFiniteTensor]
      let tensor = Int(peak.value) - 1
      return NonFinite(rank: peak.rank, tensor: tensor < tensorCount ? tensor : nil, ranks: Int(self[.nonFinite]))
    }
    // Finite on every rank, and yet not in sum: Float32 overflowed in the reduction.
    for tensor in 0..<tensorCount where !self[globalSquares: tensor].isFinite { return NonFinite(rank: nil, tensor: tensor, ranks: 0) }
    return nil
  }
}

/// Where a step's loss or gradient is not finite.
public struct NonFinite: Sendable, Equatable {
  /// A rank that has it; nil where every rank was finite and only the sum overflowed.
  public let rank: Int?
  /// The tensor, by index; nil for the loss alone.
  public let tensor: Int?
  /// How many ranks have it.
  public let ranks: Int
}
