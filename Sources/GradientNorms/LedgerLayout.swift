/// What a run's ledgers hold: fixed for the run and the same on every rank.
public struct LedgerLayout: Sendable, Equatable {
  public let tensorCount: Int
  /// Norms of the mean gradient that are measured beside L2.
  public let orders: [NormOrder]
  /// Whether the gradient's squares after an element-wise clip, and the weights' squares, are
  /// counted by tensor.
  public let countsApplied: Bool
  public let countsWeights: Bool
  public let parts: PartsNorm
  /// Whether the norms of single samples' gradients are counted.
  public let countsSamples: Bool
  /// Whether those are clipped one by one.
  public let clipsSamples: Bool
  /// Whether noise is the spread of those, not of the parts' gradients.
  public let hasNoiseOfSamples: Bool

  /// Where ‖Σ wᵢ gᵢ‖² of the gradients that the parts measured is to be found.
  public enum PartsNorm: Sendable {
    /// It is that of the mean gradient.
    case ofMean
    /// In ``NormLedger/Sum/lossSquares``: a penalty, or a second gradient, is added to the mean.
    case apart
    /// In ``NormLedger/Sum/exactSquares``, at some steps only: the mean gradient is made of
    /// gradients that were clipped after they were measured.
    case sampled
  }

  public init(
    tensorCount: Int, orders: [NormOrder] = [], countsApplied: Bool = false,
    countsWeights: Bool = false, parts: PartsNorm = .ofMean, countsSamples: Bool = false,
    clipsSamples: Bool = false, hasNoiseOfSamples: Bool = false
  ) {
    precondition(
      countsSamples || !hasNoiseOfSamples && !clipsSamples, "samples that are not counted")
    (self.countsSamples, self.clipsSamples) = (countsSamples, clipsSamples)
    self.hasNoiseOfSamples = hasNoiseOfSamples
    self.tensorCount = tensorCount
    self.orders = orders.enumerated().filter { $1 != .two && !orders[..<$0].contains($1) }.map(
      \.element)
    self.countsApplied = countsApplied
    self.countsWeights = countsWeights
    self.parts = parts
  }

  /// Whether anything of the mean gradient or the weights is measured in addition to the gradient's
  /// squares.
  public var measuresMore: Bool { !orders.isEmpty || countsWeights }

  /// The quantities that are one sum each.
  public var sums: [NormLedger.Sum] {
    (0..<scalarCount).map { NormLedger.Sum(rawValue: $0)! }
  }
  private var scalarCount: Int {
    clipsSamples
      ? NormLedger.Sum.clippedSampleSquares.rawValue + 1
      : countsSamples
        ? NormLedger.Sum.clippedSamples.rawValue : NormLedger.Sum.sampleSquares.rawValue
  }
  private var powers: [NormOrder] { orders.filter { $0 != .infinity } }
  var sumCount: Int {
    scalarCount + (2 + powers.count + (countsApplied ? 1 : 0) + (countsWeights ? 1 : 0))
      * tensorCount
  }
  var peakCount: Int {
    NormLedger.Peak.allCases.count + (orders.contains(.infinity) ? tensorCount : 0)
  }

  func index(_ sum: NormLedger.Sum) -> Int {
    sum.rawValue < scalarCount ? sum.rawValue : missing("samples")
  }

  /// Where a quantity of one tensor stands among the sums.
  func index(_ quantity: NormLedger.TensorSum, _ tensor: Int) -> Int {
    let section =
      switch quantity {
      case .squares: 0
      case .weightedLocalSquares: 1
      case .power(let order):
        2 + (powers.firstIndex(of: order) ?? missing("the sum of \(order.name)th powers"))
      case .appliedSquares: countsApplied ? 2 + powers.count : missing("the squares after clipping")
      case .weightSquares:
        countsWeights
          ? 2 + powers.count + (countsApplied ? 1 : 0) : missing("the squares of the weights")
      }
    return scalarCount + section * tensorCount + tensor
  }

  func index(_ peak: NormLedger.Peak) -> Int { peak.rawValue }
  /// Where the largest absolute value of one tensor stands among the peaks.
  func indexOfLargest(_ tensor: Int) -> Int {
    orders.contains(.infinity)
      ? NormLedger.Peak.allCases.count + tensor : missing("the largest value")
  }

  private func missing(_ what: String) -> Int {
    fatalError("this ledger was laid out without \(what)")
  }
}
