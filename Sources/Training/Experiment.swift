/// The typed experiment file.
public struct Experiment: Sendable {
  public var name = "experiment"

  /// Reads an experiment file and applies `key.path=value` overrides.
  public init(contentsOf path: String, overrides: [String]) throws(ExperimentError) {}
}

/// What is wrong with an experiment file, in one line: file, line, key, what to do.
public struct ExperimentError: Error, CustomStringConvertible {
  public let description: String
}
