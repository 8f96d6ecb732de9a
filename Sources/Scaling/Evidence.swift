/// What a fitted law or model rests on, and how far it may be relied on.
public struct Evidence: Sendable, Equatable {
  /// How far a fit may be relied on.
  public enum Verdict: String, Sendable {
    /// Checked against measurements that it had not seen, and close to them.
    case usable
    /// Shown, with the advice not to rely on it.
    case weak
    /// Nothing supports it: neither its numbers nor what they would predict are shown.
    case none
  }

  /// Measured values, repeats being values of their own.
  public var points: Int
  /// Different rank counts among them; ranks that take turns on cores do not count.
  public var rankCounts: Int
  /// Points without the numbers fitted.
  public var degreesOfFreedom: Int
  /// The median relative error over the rank counts that were left out once and predicted from the
  /// others; nil where none could be.
  public var heldOutError: Double?
  /// How many rank counts were left out and predicted.
  public var heldOutCount: Int
  public private(set) var verdict: Verdict
  /// Why it is not usable: clauses without a full stop.
  public private(set) var reasons: [String] = []

  /// Up to this error a fit is usable; the same error is what a report states as its bar.
  public static let usableError = 0.15
  /// Past this error nothing of a fit is shown.
  public static let largestError = 0.5

  /// Judges by the errors on what was left out. `pairs` are the rank counts that were; none of them
  /// supports nothing.
  public init(
    points: Int, rankCounts: Int, degreesOfFreedom: Int,
    heldOut pairs: [(predicted: Double, measured: Double)]
  ) {
    (self.points, self.rankCounts, self.degreesOfFreedom) = (points, rankCounts, degreesOfFreedom)
    heldOutError = medianRelativeError(pairs)
    heldOutCount = pairs.count
    verdict = .usable
    guard let heldOutError, heldOutError.isFinite else {
      lower(to: .none, "no rank count could be left out and predicted from the others")
      return
    }
    if heldOutError > Self.largestError {
      lower(to: .none, "it misses what was left out by \(Self.percent(heldOutError))")
    } else if heldOutError > Self.usableError {
      lower(
        to: .weak,
        "it misses what was left out by \(Self.percent(heldOutError)), more than \(Self.percent(Self.usableError))"
      )
    }
  }

  /// Evidence for nothing.
  public init(points: Int, rankCounts: Int, missing reason: String) {
    (self.points, self.rankCounts, degreesOfFreedom, heldOutError, heldOutCount) = (
      points, rankCounts, 0, nil, 0
    )
    verdict = .none
    reasons = [reason]
  }

  /// Lowers the verdict, never raises it.
  public mutating func lower(to verdict: Verdict, _ reason: String) {
    if self.verdict == .usable || verdict == .none { self.verdict = verdict }
    reasons.append(reason)
  }

  private static func percent(_ fraction: Double) -> String {
    "\(Int((fraction * 100).rounded())) %"
  }
}
