/// Something that an experiment chooses by name, such as a clip rule: its name and its keys. All of
/// a kind is in one file, and its line in the list of its like.
public protocol Kind: Sendable {
  /// The value by which an experiment names it.
  static var kind: String { get }

  /// Reads the kind's own keys, in the section that names it. Each call declares a key with its
  /// default and bounds.
  init(_ keys: inout ExperimentReader) throws(ExperimentError)
}

extension ExperimentReader {
  /// The one of a sort's kinds that a key names, read; the first is the default. The keys of the
  /// others are known then, so that one line of a file switches between them.
  ///
  /// - Parameters:
  ///   - key: the key, of the current section.
  ///   - list: the sort of kind.
  ///   - read: reads the keys of one of them.
  public mutating func kind<List: KindList, Value>(
    _ key: String, of list: List.Type,
    read: (List.Element, inout ExperimentReader) throws(ExperimentError) -> Value
  ) throws(ExperimentError) -> Value {
    try kind(key, among: registry.all(list), name: List.name, read: read)
  }

  /// The same for any candidates.
  public mutating func kind<Candidate, Value>(
    _ key: String, among kinds: [Candidate], name: (Candidate) -> String,
    read: (Candidate, inout ExperimentReader) throws(ExperimentError) -> Value
  ) throws(ExperimentError) -> Value {
    let chosen = try choice(key, default: name(kinds[0]), among: kinds.map(name))
    let value = try read(kinds.first { name($0) == chosen }!, &self)
    for other in kinds where name(other) != chosen { allowKeys { _ = try? read(other, &$0) } }
    return value
  }
}
