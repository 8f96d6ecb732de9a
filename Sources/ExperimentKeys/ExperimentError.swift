/// What is wrong with an experiment, in one line: file and line, key, what was wanted.
public struct ExperimentError: Error, CustomStringConvertible, Sendable {
  public let description: String

  public init(_ description: String) { self.description = description }
}
