import Reports
import Scaling

/// A measurement of the critical batch: branches of one run from one checkpoint, with k times its
/// batch each, over the same samples in several orders.
public struct BatchStudy: Sendable {
  /// Where the branches begin.
  public struct Start: Sendable, Equatable {
    /// Steps and samples that the run had done.
    public var step: Int
    public var samples: Int

    public init(step: Int, samples: Int) { (self.step, self.samples) = (step, samples) }
  }

  /// The noise scale at the checkpoint, by the gradients of `source`: a forecast.
  public struct Forecast: Sendable, Equatable {
    /// `ranks` or `samples`.
    public var source: String
    /// In samples; nil where it is not resolved.
    public var scale: Double?
    /// Why there is none.
    public var reason: String?

    public init(source: String, scale: Double?, reason: String? = nil) {
      (self.source, self.scale, self.reason) = (source, scale, reason)
    }
  }

  public let name: String
  public let plan: BatchPlan
  public let start: Start
  public let globalBatch: Int
  /// The part of the training rows that the loss is of.
  public let heldOut: Double
  /// p: k times the batch has kᵖ times the learning rate.
  public let ratePower: Double
  public let branches: [BatchBranch]
  public let forecasts: [Forecast]
  public let judgement: BatchJudgement
  /// Nil where fewer than two batches came to a lower loss.
  public let steps: StepsToLoss?

  /// `branches` has one of each of the plan's factors and orders.
  public init(
    name: String, plan: BatchPlan, start: Start, globalBatch: Int, heldOut: Double,
    ratePower: Double, branches: [BatchBranch], forecasts: [Forecast]
  ) {
    (self.name, self.plan, self.start, self.globalBatch) = (name, plan, start, globalBatch)
    (self.heldOut, self.ratePower) = (heldOut, ratePower)
    (self.branches, self.forecasts) = (branches, forecasts)
    func orders(_ factor: Int) -> [BatchBranch] {
      branches.filter { $0.factor == factor }.sorted { $0.order < $1.order }
    }
    judgement = BatchJudgement(
      plan.factors.map { factor in (factor: factor, losses: orders(factor).map(\.loss)) })
    steps = StepsToLoss(
      plan.factors.map { factor in
        (batch: factor * globalBatch, points: Self.meanCurve(orders(factor).map(\.curve)))
      })
  }

  /// The mean over curves at the steps that all have; not finite where one is not.
  private static func meanCurve(_ curves: [[BatchBranch.Point]]) -> [(steps: Double, loss: Double)]
  {
    let others = curves.dropFirst().map { curve in
      Dictionary(curve.map { ($0.steps, $0.loss) }) { first, _ in first }
    }
    return curves[0].compactMap { point in
      guard others.allSatisfy({ $0[point.steps] != nil }) else { return nil }
      let losses = [point.loss] + others.map { $0[point.steps]! }
      return (
        steps: Double(point.steps),
        loss: mean(losses.map { $0 ?? .infinity })
      )
    }
  }

  /// Samples that each branch trained on.
  public var samples: Int { branches[0].samples }

  /// The critical batch in samples; nil where there is no verdict.
  public var criticalBatch: Int? { judgement.critical.map { $0 * globalBatch } }
  /// The next batch that was tried, which is worse; nil where none was larger.
  public var nextBatch: Int? { judgement.next.map { $0 * globalBatch } }

  /// How a forecast lies to the bracket: 1 within it, else the factor by which it is too small,
  /// below 1, or too large; nil without both.
  ///
  /// Below the run's own batch nothing was measured, and above the largest neither.
  public func misfit(of forecast: Forecast) -> Double? {
    guard let scale = forecast.scale, let critical = criticalBatch else { return nil }
    if judgement.critical != 1, scale < Double(critical) { return scale / Double(critical) }
    if let next = nextBatch, scale >= Double(next) { return scale / Double(next) }
    return 1
  }
}
