/// The kinds of one sort that an experiment can name, such as all clip rules.
///
/// A library that has a protocol for a sort of kind lists its own here; a program may add further
/// ones to a ``Registry``.
public protocol KindList {
  /// What is listed: metatypes of the sort's protocol.
  associatedtype Element: Sendable

  /// What messages call one of them, such as `clip rule`.
  static var noun: String { get }

  /// The kinds that come with Lockstep; the first is the default.
  static var builtIn: [Element] { get }

  /// The value by which an experiment names one, with what it stands for.
  static func choice(of kind: Element) -> KeyDeclaration.Choice
}

extension KindList {
  /// The value by which an experiment names one.
  public static func name(of kind: Element) -> String { choice(of: kind).name }
}

/// The kinds that experiments can name: those that come with Lockstep, and those that a program
/// adds before it reads an experiment.
///
/// It is a value: what is registered in one copy is known to no other. An ``ExperimentReader``
/// carries it, so a kind can look up kinds of other sorts.
public struct Registry: Sendable {
  private var added: [ObjectIdentifier: any Sendable] = [:]

  /// The kinds that come with Lockstep.
  public init() {}

  /// All kinds of a sort: the built-in ones, then those that were added, in their order.
  public func all<List: KindList>(_ list: List.Type) -> [List.Element] {
    List.builtIn + (added[ObjectIdentifier(list)] as? [List.Element] ?? [])
  }

  /// Adds a kind to its sort. Traps where that sort has a kind of this name already: an experiment
  /// could not say which one it means.
  public mutating func add<List: KindList>(_ kind: List.Element, to list: List.Type) {
    let name = List.name(of: kind)
    guard !all(list).contains(where: { List.name(of: $0) == name }) else {
      fatalError("there is a \(List.noun) \"\(name)\" already: give the new one another name")
    }
    added[ObjectIdentifier(list)] =
      (added[ObjectIdentifier(list)] as? [List.Element] ?? []) + [kind]
  }
}
