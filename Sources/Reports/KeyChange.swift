import FoundationEssentials
import Recording

/// A key of the experiment that has had another value since training went on from a checkpoint.
public struct KeyChange: Sendable, Equatable, Decodable {
  /// `section.key`.
  public var key: String
  /// Nil where the experiment did not have the key, or no longer has it.
  public var from: Value?
  public var to: Value?
  /// The step after which training went on with the new value.
  public var step: Int

  public init(key: String, from: Value?, to: Value?, step: Int) {
    self.key = key
    self.from = from
    self.to = to
    self.step = step
  }

  /// A key's value, as JSON has it.
  public enum Value: Sendable, Equatable {
    case flag(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case list([Value])

    /// Reads a value of a resolved experiment, whose TOML is JSON too; anything else is kept as
    /// text.
    public init(toml: String) {
      self = (try? JSONDecoder().decode(Value.self, from: Data(toml.utf8))) ?? .text(toml)
    }
  }
}

extension KeyChange.Value: Decodable, JSONWritable {
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let flag = try? value.decode(Bool.self) {
      self = .flag(flag)
    } else if let integer = try? value.decode(Int.self) {
      self = .integer(integer)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let list = try? value.decode([KeyChange.Value].self) {
      self = .list(list)
    } else {
      self = .text(try value.decode(String.self))
    }
  }

  public func write(to json: inout JSONText) {
    switch self {
    case .flag(let flag): json.value(flag)
    case .integer(let integer): json.value(integer)
    case .number(let number): json.value(number)
    case .text(let text): json.value(text)
    case .list(let list): json.array(list) { $0.value($1) }
    }
  }
}

extension KeyChange: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("key", key)
      $0.field("from", from)
      $0.field("to", to)
      $0.field("step", step)
    }
  }
}
