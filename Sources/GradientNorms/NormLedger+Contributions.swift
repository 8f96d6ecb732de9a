// How one rank enters what it knows.
extension NormLedger {
  /// An empty contribution of a rank: it holds no samples, and yet joins.
  public init(_ layout: LedgerLayout, rank: Int) {
    self.init(layout)
    for peak in Peak.allCases { self[peak] = (0, rank) }
  }

  /// Enters one part of a step: a rank's share, or one micro-batch of it.
  ///
  /// - `samples`: bᵢ, of `total` B in the whole step.
  /// - `loss`: the sum of the samples' losses.
  /// - `weightedSquares`: ‖wᵢ gᵢₖ‖² by tensor: squares of the gradient as it is summed, the part's
  ///   mean times wᵢ = bᵢ/B.
  /// - Returns: ‖gᵢ‖, or nil where it is not finite.
  @discardableResult
  public mutating func contribute(
    samples: Int, of total: Int, loss: Double, weightedSquares: [Double], rank: Int
  ) -> Double? {
    guard samples > 0 else { return 0 }
    add(Double(samples), to: .samples)
    add(loss, to: .loss)
    add(1, to: .contributors)
    let weight = Double(samples) / Double(total)
    for tensor in 0..<tensorCount {
      add(
        Double(samples) * weightedSquares[tensor] / (weight * weight), to: .weightedLocalSquares,
        of: tensor)
    }
    if let bad = weightedSquares.firstIndex(where: { !$0.isFinite })
      ?? (loss.isFinite ? nil : tensorCount)
    {
      self[.nonFinite] = 1
      raise(.nonFiniteTensor, to: Double(bad + 1), rank: rank)
      return nil
    }
    let norm = weightedSquares.reduce(0, +).squareRoot() / weight
    add(Double(samples) * norm, to: .weightedLocalNorms)
    raise(.localNorm, to: norm, rank: rank)
    return norm
  }
}
