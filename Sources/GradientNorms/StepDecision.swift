/// What every rank does with a step's gradient: a function of the reduced ledger, so the same everywhere.
public struct StepDecision: Sendable, Equatable {
  public enum Action: Sendable, Equatable {
    case step
    /// The gradient is applied with a coefficient below 1.
    case clip
    /// Weights and optimiser state stay as they are, to the bit.
    case skip(NonFinite)
  }

  public let action: Action
  /// ‖g‖ before clipping; nil where it is not finite.
  public let norm: Double?
  /// The factor the update multiplies the gradient by.
  public let coefficient: Double
  /// The rule's limit, if it has one.
  public let threshold: Double?

  /// Decides from a reduced ledger.
  public init(_ ledger: NormLedger, rule: ClipRule) {
    threshold = rule.threshold
    if let nonFinite = ledger.nonFinite {
      action = .skip(nonFinite)
      norm = nil
      coefficient = 0
      return
    }
    let norm = ledger.norm
    let coefficient = rule.coefficient(norm: norm)
    self.norm = norm
    self.coefficient = coefficient
    action = coefficient < 1 ? .clip : .step
  }

  /// The norm of what is applied.
  public var applied: Double? { norm.map { $0 * coefficient } }
  public var isSkip: Bool { if case .skip = action { true } else { false } }
}
