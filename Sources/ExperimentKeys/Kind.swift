/// Something that an experiment chooses by name, such as a clip rule: its name and its keys. All of
/// a kind is in one file, and its line in the list of its like.
public protocol Kind: Sendable {
  /// The value by which an experiment names it.
  static var kind: String { get }

  /// What it is, in one sentence, for the page of keys.
  static var summary: String { get }

  /// Reads the kind's own keys, in the section that names it. Each call declares a key with its
  /// default, bounds and meaning.
  init(_ keys: inout ExperimentReader) throws(ExperimentError)
}

extension Kind {
  public static var summary: String { "" }
}
