import Glibc

// What a reduced ledger says. All of it is the same on every rank.
extension NormLedger {
  /// B, the samples of the step over all ranks.
  public var samples: Double { self[.samples] }

  /// The mean loss over the step's samples.
  public var meanLoss: Double { self[.loss] / samples }

  /// T = ‖g‖²: the squared norm of the sample-weighted mean gradient.
  public var squaredNorm: Double { (0..<tensorCount).reduce(0) { $0 + self[.squares, $1] } }

  /// The exact global norm ‖g‖.
  public var norm: Double { squaredNorm.squareRoot() }

  /// The norm of one tensor's mean gradient.
  public func norm(ofTensor tensor: Int) -> Double { self[.squares, tensor].squareRoot() }

  /// Another norm of the mean gradient, over some tensors; the ledger must have been laid out for
  /// it.
  public func norm(_ order: NormOrder, of tensors: some Sequence<Int>) -> Double {
    switch order {
    case .two: tensors.reduce(0) { $0 + self[.squares, $1] }.squareRoot()
    case .infinity: tensors.reduce(0) { max($0, self[largestOfTensor: $1]) }
    case .power:
      (order.needsUnit ? powerUnit : 1)
        * order.norm(fromTotal: tensors.reduce(0) { $0 + self[.power(order), $1] })
    }
  }

  public func norm(_ order: NormOrder) -> Double { norm(order, of: 0..<tensorCount) }

  /// L = Σ wᵢ‖gᵢ‖², from whole gradients of the parts.
  public var meanLocalSquares: Double {
    (0..<tensorCount).reduce(0) { $0 + self[.weightedLocalSquares, $1] } / samples
  }

  /// √L ≥ ‖g‖: the root mean square of the local norms. √L ≤ max_norm proves that nothing will be
  /// clipped.
  public var localRMS: Double { meanLocalSquares.squareRoot() }

  /// Σ wᵢ‖gᵢ‖, which lies between ‖g‖ and √L.
  public var meanLocalNorm: Double { self[.weightedLocalNorms] / samples }

  /// The squared norm of Σ wᵢ gᵢ as the parts measured them: without what a penalty on the weights,
  /// or a second gradient, added to the mean, and before the ranks clipped. Where
  /// ``hasNoiseEstimate`` is false it may be that of the clipped gradients.
  public var squaredPartsNorm: Double {
    switch layout.parts {
    case .ofMean: squaredNorm
    case .apart: self[.lossSquares]
    case .sampled: self[.exactSquares] > 0 ? self[.exactSquares] : squaredNorm
    }
  }
  public var partsNorm: Double { squaredPartsNorm.squareRoot() }

  /// Whether L and ``squaredPartsNorm`` are of the same gradients, and of two parts at least: only
  /// then is their difference noise.
  public var hasNoiseEstimate: Bool { self[.contributors] >= 2 && hasPartsNorm }

  /// Whether ``squaredPartsNorm`` is that of the parts' gradients.
  var hasPartsNorm: Bool { layout.parts != .sampled || self[.exactSquares] > 0 }

  /// The share of samples whose gradients were shortened; nil where they are not clipped one by one.
  public var clippedSamples: Double? {
    layout.clipsSamples ? self[.clippedSamples] / samples : nil
  }

  /// How many gradients there are, of samples or of parts, whose spread is the noise, and the mean of
  /// their squared norms, as they enter the mean; nil for fewer than two.
  var noiseParts: (count: Double, meanSquares: Double)? {
    let parts =
      layout.hasNoiseOfSamples
      ? (
        count: samples,
        meanSquares: self[layout.clipsSamples ? .clippedSampleSquares : .sampleSquares] / samples
      )
      : (count: self[.contributors], meanSquares: meanLocalSquares)
    return parts.count >= 2 ? parts : nil
  }

  /// L/T: 1 where all gradients are the same, N where those of N equal parts have nothing in common
  /// (N times the gradient diversity of Yin et al. 2018, arXiv 1706.05699).
  public var diversity: Double? {
    hasNoiseEstimate && squaredPartsNorm > 0 ? meanLocalSquares / squaredPartsNorm : nil
  }

  /// T/L, between 0 and 1: the squared cosine of sorts between the parts' gradients and their mean.
  public var agreement: Double? {
    hasNoiseEstimate && meanLocalSquares > 0 ? squaredPartsNorm / meanLocalSquares : nil
  }

  /// What is not finite in the step, if anything.
  public var nonFinite: NonFinite? {
    if self[.nonFinite] > 0 {
      let peak = self[.nonFiniteTensor]
      let tensor = Int(peak.value) - 1
      return NonFinite(
        rank: peak.rank, tensor: tensor < tensorCount ? tensor : nil, ranks: Int(self[.nonFinite]))
    }
    // Finite on every rank, and yet not in sum: Float32 overflowed in the reduction.
    for tensor in 0..<tensorCount where !self[.squares, tensor].isFinite {
      return NonFinite(rank: nil, tensor: tensor, ranks: 0)
    }
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
