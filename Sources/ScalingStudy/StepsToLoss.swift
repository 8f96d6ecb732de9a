import Scaling

/// How many steps branches of each batch take down to one loss, and the law S = S_min·(1 + B_c/B)
/// through these numbers (McCandlish et al. 2018, arXiv 1812.06162).
public struct StepsToLoss: Sendable, Equatable {
  public struct Row: Sendable, Equatable {
    public var batch: Int
    /// Between two evaluations, where a straight line between them has the loss.
    public var steps: Double
    /// By the law fitted to the other batches; nil where they are fewer than two.
    public var predicted: Double?

    /// Of the steps that were measured.
    public var error: Double? { predicted.map { ($0 - steps) / steps } }
  }

  /// The highest of the losses that batches came to: all of these reach it.
  public let target: Double
  public let rows: [Row]
  /// Nil where steps fall as 1/B, or do not fall: then the critical batch lies outside of what was
  /// measured.
  public let law: CriticalBatch?

  /// A batch's mean loss over the orders after each number of steps, the first that of the weights
  /// that all began with.
  public typealias Curve = (batch: Int, points: [(steps: Double, loss: Double)])

  /// Batches that came to no loss below the start are left out; nil where fewer than two did.
  public init?(_ curves: [Curve]) {
    let falling = curves.filter { curve in
      guard let start = curve.points.first, let end = curve.points.last else { return false }
      return curve.points.allSatisfy(\.loss.isFinite) && end.loss < start.loss
    }
    guard falling.count >= 2, let target = falling.map({ $0.points.last!.loss }).max() else {
      return nil
    }
    let measured = falling.map { (batch: $0.batch, steps: Self.steps($0.points, to: target)) }
    let points = measured.map { (steps: $0.steps, samples: $0.steps * Double($0.batch)) }
    self.target = target
    rows = measured.indices.map { left in
      Row(
        batch: measured[left].batch, steps: measured[left].steps,
        predicted: CriticalBatch.predictedSteps(
          batch: Double(measured[left].batch),
          from: points.indices.filter { $0 != left }.map { points[$0] }))
    }
    law = CriticalBatch(points)
  }

  /// Where a curve that ends at `target` or below it first has that loss.
  private static func steps(_ points: [(steps: Double, loss: Double)], to target: Double) -> Double
  {
    let place = points.firstIndex { $0.loss <= target } ?? points.count - 1
    guard place > 0 else { return points[0].steps }
    let (a, b) = (points[place - 1], points[place])
    return a.steps + (b.steps - a.steps) * (a.loss - target) / (a.loss - b.loss)
  }
}
