/// Where a run ends before its length, with a last evaluation of the rows held out and a checkpoint,
/// where there are some. Schedules stay those of the whole length, and the test set is not used.
///
/// `lockstep critical-batch` trains parts of a run by it.
public enum RunEnd: Sendable, Equatable {
  /// After as many samples as so many steps of the batch that the run starts with.
  case step(Int)
  /// After this part of the run's steps.
  case part(Double)

  /// A number of steps, `500`, or a part of the length, `0.5`; nil for anything else.
  public init?(_ text: String) {
    if let steps = Int(text), steps >= 1 {
      self = .step(steps)
    } else if let part = Double(text), part > 0, part < 1 {
      self = .part(part)
    } else {
      return nil
    }
  }

  /// The step, of so many.
  func step(of totalSteps: Int) -> Int {
    switch self {
    case .step(let step): step
    case .part(let part): max(1, Int(part * Double(totalSteps)))
    }
  }
}
