import GradientReduction
import Recording
import Vectors

/// When a rank did what within its steps: spans of time on its monotonic clock.
///
/// A tensor's span reaches from the moment the gradient before it was complete; the first one's,
/// from the start of the pass, holds the forward pass and the loss as well.
public final class StepProfile: StepObserver {
  /// What a span was spent on.
  public enum Activity: Equatable, Sendable {
    case step
    case phase(Phase)
    /// Within a computation: sending pieces of the gradient off, and looking for others.
    case messages
    /// Until this tensor's gradient was complete.
    case gradient(tensor: Int)

    private static let fixed: [Activity] =
      [.step] + Phase.allCases.map { .phase($0) } + [.messages]

    /// A number for it, to be sent to another rank.
    public var code: UInt64 {
      if case .gradient(let tensor) = self { return UInt64(Self.fixed.count + tensor) }
      return UInt64(Self.fixed.firstIndex(of: self)!)
    }

    public init(code: UInt64) {
      let code = Int(code)
      self = code < Self.fixed.count ? Self.fixed[code] : .gradient(tensor: code - Self.fixed.count)
    }

    /// As people read it.
    public func name(in layout: TensorLayout) -> String {
      switch self {
      case .step: "step"
      case .phase(let phase): phase.name
      case .messages: "messages"
      case .gradient(let tensor): "gradient of \(layout.segments[tensor].name)"
      }
    }
  }

  public struct Span: Sendable {
    public let activity: Activity
    /// Nanoseconds of `monotonicNanoseconds()`.
    public let start: UInt64
    public let end: UInt64

    public init(_ activity: Activity, from start: UInt64, to end: UInt64) {
      (self.activity, self.start, self.end) = (activity, start, end)
    }
  }

  public private(set) var spans: [Span] = []
  private var passMark: UInt64 = 0

  public init() {}

  public func note(_ activity: Activity, from start: UInt64, to end: UInt64) {
    spans.append(Span(activity, from: start, to: end))
  }

  package func spent(on activity: Activity, from start: UInt64, to end: UInt64) {
    note(activity, from: start, to: end)
  }

  package func microBatchBegan() { passMark = monotonicNanoseconds() }

  package func finished(tensor: Int) {
    let now = monotonicNanoseconds()
    note(.gradient(tensor: tensor), from: passMark, to: now)
    passMark = now
  }
}
