/// What ends training before its length: a function of reduced values alone, so that all ranks stop at the same step.
public enum StopRule: Sendable, Equatable {
  case none
  /// The root mean square of the mean gradient's norm over the last `window` steps is at most `below`. With minibatches that norm has a floor of
  /// √(trΣ/B), which a limit has to lie above.
  case norm(below: Double, window: Int)
  /// The mean loss of the last `window` steps differs from that of the `window` steps before by at most `change` times its size: the usual rule of
  /// k-means, whose loss is the inertia.
  case loss(change: Double, window: Int)
}

/// A stop rule at work.
public struct EarlyStop: Sendable {
  public let rule: StopRule
  public var memory = Memory()

  /// What it has seen; kept in checkpoints.
  public struct Memory: Sendable, Equatable, Codable {
    /// The newest values, as many as the rule looks at.
    var values: [Double] = []
    /// Why training is to end; nil while it goes on.
    public internal(set) var reason: String?

    public init() {}
  }

  public init(rule: StopRule) { self.rule = rule }

  public var isMet: Bool { memory.reason != nil }

  /// Takes in a step that was not skipped.
  public mutating func record(_ ledger: NormLedger, _ decision: StepDecision) {
    switch rule {
    case .none: return
    case .norm(let below, let window):
      guard let norm = decision.norm, keep(norm * norm, newest: window) else { return }
      let size = (memory.values.reduce(0, +) / Double(window)).squareRoot()
      if size <= below { memory.reason = "the gradient's norm was \(short(size)) over the last \(steps(window)), at most \(short(below))" }
    case .loss(let change, let window):
      guard keep(ledger.meanLoss, newest: 2 * window) else { return }
      let before = memory.values[..<window].reduce(0, +) / Double(window)
      let now = memory.values[window...].reduce(0, +) / Double(window)
      if abs(now - before) <= change * abs(before) {
        memory.reason =
          "the loss went from \(short(before)) to \(short(now)) (means of \(window)), a change of at most \(short(change)) of it"
      }
    }
  }

  /// Whether there are as many values as the rule looks at, this one the last.
  private mutating func keep(_ value: Double, newest count: Int) -> Bool {
    memory.values.append(value)
    if memory.values.count > count { memory.values.removeFirst() }
    return memory.values.count == count
  }
}

private func steps(_ count: Int) -> String { count == 1 ? "step" : "\(count) steps" }
