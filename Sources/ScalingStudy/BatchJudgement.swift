import Reports

/// Which batches lose nothing against the run's own, over several orders of samples.
///
/// A branch and that of k = 1 with the same order train on the same samples from the same weights.
/// So losses are compared order by order: what an order does to both cancels. A batch is no worse
/// where the mean of these differences is at most ε, two standard errors of it over the orders. The
/// critical batch is the largest that is no worse (Merrill et al. 2025, arXiv 2505.23971).
public struct BatchJudgement: Sendable, Equatable {
  public struct Row: Sendable, Equatable {
    public var factor: Int
    /// Of each order; nil where it is not finite.
    public var losses: [Double?]
    /// Over the orders; nil where one has none.
    public var mean: Double?
    /// The mean difference from k = 1, and ε; nil for k = 1 and where a loss is missing.
    public var excess: Double?
    public var epsilon: Double?

    public var isNoWorse: Bool {
      guard let excess, let epsilon else { return factor == 1 && mean != nil }
      return excess <= epsilon
    }
  }

  /// Ascending by factor, the first 1.
  public let rows: [Row]
  /// k*: the largest factor that is no worse; nil where a branch of k = 1 has no loss.
  public let critical: Int?
  /// The next factor that was tried; nil where none was larger.
  public let next: Int?

  /// `losses` has the final losses of each factor, order by order; at least two orders, and the
  /// factor 1 first.
  public init(_ losses: [(factor: Int, losses: [Double?])]) {
    let first = losses[0].losses
    precondition(losses[0].factor == 1 && first.count >= 2)
    rows = losses.map { factor, losses in
      var row = Row(factor: factor, losses: losses)
      let known = losses.compactMap { $0 }
      if known.count == losses.count { row.mean = mean(known) }
      let differences = zip(losses, first).compactMap { loss, own in
        loss.flatMap { loss in own.map { loss - $0 } }
      }
      guard factor > 1, differences.count == losses.count else { return row }
      let excess = mean(differences)
      let squares = differences.reduce(0) { $0 + ($1 - excess) * ($1 - excess) }
      let count = Double(differences.count)
      (row.excess, row.epsilon) = (excess, 2 * (squares / (count - 1) / count).squareRoot())
      return row
    }
    let critical = rows[0].mean == nil ? nil : rows.last(where: \.isNoWorse)?.factor
    self.critical = critical
    next = critical.flatMap { critical in losses.map(\.factor).first { $0 > critical } }
  }

  /// Factors below the critical one that are worse all the same: more orders would say which.
  public var inconsistent: [Int] {
    rows.filter { row in !row.isNoWorse && critical.map { row.factor < $0 } ?? false }.map(\.factor)
  }
}
