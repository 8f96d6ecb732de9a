import ExperimentKeys

/// Tensors that are updated in another way than the rest: an entry of `optimizer.groups`. A tensor
/// belongs to the first group that has its name.
public struct ParameterGroup: Sendable, Equatable {
  /// Patterns of tensor names, in which `*` is any run of characters and `?` is one.
  public var match: [String]
  /// The weight decay instead of the optimiser's, also where `optimizer.decay` leaves a tensor out;
  /// nil for what those two say.
  public var weightDecay: Double?
  /// A factor on the learning rate. 0 freezes: weights and moments keep their bits.
  public var rate: Double
  /// Whether a ``MatrixRule`` updates its tensors of two or more dimensions, or that rule's other
  /// one; nil for matrices of hidden layers alone.
  public var isMatrix: Bool?
  public var clip: Clip
  /// Where each pattern was written, for messages.
  private var places: [String]

  /// Whose norm the clip rule looks at.
  public enum Clip: String, CaseIterable, Sendable {
    /// One norm with all tensors that have none of their own.
    case shared
    /// The norm of the group alone, by the same rule with a memory of its own.
    case own
  }

  public init(
    match: [String], weightDecay: Double? = nil, rate: Double = 1, isMatrix: Bool? = nil,
    clip: Clip = .shared
  ) {
    (self.match, self.weightDecay, self.rate, self.clip) = (match, weightDecay, rate, clip)
    self.isMatrix = isMatrix
    places = match.map { _ in "optimizer.groups" }
  }

  /// Reads an entry, for an optimiser's rule.
  init(_ keys: inout ExperimentReader, _ rule: any OptimizerRule) throws(ExperimentError) {
    match = try keys.strings(
      needed: "match", example: ["*.bias"],
      missing: "a group needs the names of its tensors, such as match = [\"*.bias\", \"*norm*\"]",
      "names of tensors, of which a group has those that no group before it has: * is any run of characters, ? is one; a name that fits no tensor is an error"
    )
    if match.isEmpty { throw keys.error("match", "give one name at least") }
    weightDecay = try keys.number(
      optional: "weight_decay", wanted: "a number of at least 0",
      "instead of the optimiser's; it goes before `optimizer.decay`"
    ) { $0 >= 0 }
    if weightDecay != nil && !(rule is any DecayingRule) {
      throw keys.error(
        "weight_decay", "optimizer.kind \"\(type(of: rule).kind)\" has no weight decay")
    }
    rate = try keys.number(
      "rate", default: 1, in: 0...(.infinity),
      "a factor on the learning rate; 0 freezes the tensors: not a bit of them changes")
    isMatrix = try keys.boolean(
      optional: "matrix",
      "of muon: true, it updates the group's tensors of two or more dimensions; false, AdamW does; by default it has the matrices of hidden layers"
    )
    if isMatrix != nil && !(rule is any MatrixRule) {
      throw keys.error(
        "matrix", "optimizer.kind \"\(type(of: rule).kind)\" updates all tensors by one rule")
    }
    clip = try keys.choice(
      "clip", default: .shared,
      "shared: one norm with the other tensors; own: the clip rule looks at the norm of this group alone, with a memory of its own"
    )
    places = match.indices.map { keys.place(of: "match", at: $0) }
  }

  /// What the group is called in records.
  public var name: String { match.joined(separator: ", ") }

  /// Whether one of the patterns is of this name.
  func matches(_ name: String) -> Bool { match.contains { NamePattern($0).matches(name) } }

  /// An error about the first pattern that is of no tensor.
  func check(_ names: [String]) throws(ExperimentError) {
    for (pattern, place) in zip(match, places)
    where !names.contains(where: NamePattern(pattern).matches) {
      throw ExperimentError(
        "\(place): no tensor is called \(tomlString(String(pattern.prefix(80)))); the model has \(Self.list(names))"
      )
    }
  }

  /// The first names, for a message of one line.
  private static func list(_ names: [String]) -> String {
    names.prefix(6).joined(separator: ", ") + (names.count > 6 ? " and others" : "")
  }
}

extension ExperimentReader {
  /// Reads `groups`, a list of tables of the current section; empty where the key is not given.
  package mutating func parameterGroups(of rule: any OptimizerRule) throws(ExperimentError)
    -> [ParameterGroup]
  {
    try tables(
      "groups",
      "tensors that are updated in another way than the rest, as a list of tables, `[[optimizer.groups]]`; the first that has a tensor's name counts"
    ) { (keys) throws(ExperimentError) in try ParameterGroup(&keys, rule) } ?? []
  }
}
