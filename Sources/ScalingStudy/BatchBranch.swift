import Recording
import Reports

/// A branch that has ended: what training on with one batch and one order of samples came to.
public struct BatchBranch: Sendable, Equatable {
  /// A loss on the rows held out, after so many steps of the branch.
  public struct Point: Sendable, Equatable {
    public var steps: Int
    /// Nil where it is not finite.
    public var loss: Double?

    public init(steps: Int, loss: Double?) { (self.steps, self.loss) = (steps, loss) }
  }

  /// How many times the run's batch it has.
  public var factor: Int
  /// Counted from 1; the first is the run's own.
  public var order: Int
  public var steps: Int
  public var samples: Int
  /// From the weights that it began with, at 0 steps, to its end.
  public var curve: [Point]
  public var weightsSHA256: String?

  package init(
    factor: Int, order: Int, steps: Int, samples: Int, curve: [Point],
    weightsSHA256: String? = nil
  ) {
    (self.factor, self.order, self.steps, self.samples) = (factor, order, steps, samples)
    (self.curve, self.weightsSHA256) = (curve, weightsSHA256)
  }

  /// The loss at its end; nil where it is not finite.
  public var loss: Double? { curve.last?.loss }

  /// Reads the run of a branch that began after `step` steps and `samples` samples of another.
  public init(
    _ directory: RunDirectory, factor: Int, order: Int, after step: Int, samples start: Int
  ) throws(RunFileError) {
    let report = try JSONFile.read(ConvergenceReport.self, from: directory.report)
    var curve: [Point] = []
    try EvaluationRecord.read(path: directory.evaluations) { record in
      guard record.step >= step else { return }
      let loss = record.scores.loss
      curve.append(Point(steps: record.step - step, loss: loss.isFinite ? loss : nil))
    }
    guard curve.first?.steps == 0, curve.last?.steps == report.steps - step, curve.count > 1 else {
      throw RunFileError(
        "\(directory.evaluations): no evaluation at the beginning or the end of the branch: remove \(directory.path), and start the command again"
      )
    }
    self.init(
      factor: factor, order: order, steps: report.steps - step, samples: report.samples - start,
      curve: curve, weightsSHA256: report.weightsSHA256)
  }
}
