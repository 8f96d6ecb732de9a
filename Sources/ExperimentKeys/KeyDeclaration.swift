/// A key of an experiment file as the call that reads it declares it: its place, what it takes, its
/// default and its meaning.
///
/// The page of keys, the list of keys on a terminal and new experiment files are all written from
/// declarations. They can be sent between programs as JSON.
public struct KeyDeclaration: Codable, Sendable, Equatable {
  /// The section that the key is in, such as `model`; empty for keys above all sections.
  public var section: String
  /// The key within its section. A key of the entries of a list of tables is `layers[].width`.
  public var key: String
  /// What has to be chosen for the key to be read, outermost first; empty for keys that every
  /// experiment has.
  public var conditions: [Condition]
  public var type: ValueType
  /// The value that a missing key has, as TOML; nil where it has none then.
  public var defaultValue: String?
  /// What the key takes, in the words of the error about anything else: `a number above 0`.
  public var bounds: String
  /// The names that a choice takes, in order; empty for keys of other types.
  public var choices: [Choice]
  /// What the key means: a phrase, in which other keys are in backticks.
  public var help: String
  /// Whether an experiment without the key is refused.
  public var isNeeded: Bool
  /// A value for a key that is needed, as TOML.
  public var example: String?

  /// What a key takes, as far as its TOML type goes.
  public enum ValueType: String, Codable, Sendable {
    case string, path, boolean, integer, number, list, choice
    /// A list of tables with keys.
    case tables
    /// A number or a string.
    case mixed
  }

  /// A choice that was made: `model.kind` is `mlp`.
  public struct Condition: Codable, Sendable, Hashable {
    /// The path of the key that chooses.
    public var key: String
    public var name: String

    public init(_ key: String, _ name: String) { (self.key, self.name) = (key, name) }
  }

  /// A name that a key takes.
  public struct Choice: Codable, Sendable, Equatable {
    public var name: String
    /// What it stands for, in a sentence; empty where the key's help says so.
    public var summary: String
    /// Choices of other keys that suit this one, for a new experiment.
    public var suits: [Condition]

    public init(_ name: String, _ summary: String = "", suits: [Condition] = []) {
      (self.name, self.summary, self.suits) = (name, summary, suits)
    }

    public init(_ kind: any Kind.Type) { self.init(kind.kind, kind.summary) }
  }

  /// The key with its section, as errors and `--set` name it.
  public var path: String { section.isEmpty ? key : "\(section).\(key)" }

  private enum CodingKeys: String, CodingKey {
    case section, key, conditions, type
    case defaultValue = "default"
    case bounds, choices, help
    case isNeeded = "needed"
    case example
  }
}
