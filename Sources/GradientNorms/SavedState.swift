/// What a state belongs to: the kind that made it, and those of its settings without which it means
/// nothing.
public struct StateTag: Sendable, Equatable {
  /// The name that the experiment gives it.
  public var kind: String
  /// As `key = value`.
  public var settings: [String]

  public init(_ kind: String, _ settings: [String] = []) {
    self.kind = kind
    self.settings = settings
  }
}

/// A kind of rule that remembers something from step to step.
public protocol StatefulKind: Sendable {
  /// The value by which an experiment names it.
  static var kind: String { get }

  /// What the rule remembers. It is saved in checkpoints under the kind's name.
  associatedtype State: Codable & Sendable & Equatable

  /// Settings without which a state means nothing, as `key = value`: a checkpoint made with others
  /// starts the rule afresh.
  var stateSettings: [String] { get }
}

extension StatefulKind {
  public var stateSettings: [String] { [] }

  /// What a checkpoint knows the rule's state by.
  public var stateTag: StateTag { StateTag(Self.kind, stateSettings) }
}

/// A state as a checkpoint holds it, with what it belongs to: another kind's is never taken for
/// one's own.
public struct SavedState<State: Codable & Sendable & Equatable>: Codable, Sendable, Equatable {
  public private(set) var kind: String
  public private(set) var settings: [String]
  /// Nil where what was saved is no state of this type.
  public private(set) var state: State?

  public init(_ tag: StateTag, _ state: State) {
    (kind, settings, self.state) = (tag.kind, tag.settings, state)
  }

  private enum CodingKeys: String, CodingKey { case kind, settings, state }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    kind = try fields.decode(String.self, forKey: .kind)
    settings = try fields.decode([String].self, forKey: .settings)
    state = try? fields.decode(State.self, forKey: .state)
  }

  /// The state, for the kind and settings that made it; nil for any other, which starts afresh.
  public func state(for tag: StateTag) -> State? {
    kind == tag.kind && settings == tag.settings ? state : nil
  }
}

extension StepPolicy {
  /// Of the norms of recent steps, which every guard looks at alike.
  public static var guardTag: StateTag { StateTag("guard") }
}
