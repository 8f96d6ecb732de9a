import FoundationEssentials

/// The state of any kind as a checkpoint holds it: JSON, whose meaning only the kind knows.
public indirect enum StateValue: Sendable, Equatable {
  /// No state: the kind starts afresh.
  case none
  case boolean(Bool)
  case integer(Int64)
  case number(Double)
  case text(String)
  case list([StateValue])
  case fields([String: StateValue])

  /// - Throws: what the state's own encoding throws, and for numbers that are not finite, which
  ///   JSON does not have.
  public init(_ state: some Encodable) throws {
    self = try JSONDecoder().decode(StateValue.self, from: JSONEncoder().encode(state))
  }

  /// The state of a type, as it was saved to the bit; nil where this is none of that type.
  public func state<State: Decodable>(_ type: State.Type = State.self) -> State? {
    guard self != .none, let json = try? JSONEncoder().encode(self) else { return nil }
    return try? JSONDecoder().decode(type, from: json)
  }
}

extension StateValue: Codable {
  public init(from decoder: any Decoder) throws {
    if let fields = try? decoder.container(keyedBy: Key.self) {
      self = .fields(
        try Dictionary(
          uniqueKeysWithValues: fields.allKeys.map {
            ($0.stringValue, try fields.decode(StateValue.self, forKey: $0))
          }))
      return
    }
    if var list = try? decoder.unkeyedContainer() {
      var values: [StateValue] = []
      while !list.isAtEnd { values.append(try list.decode(StateValue.self)) }
      self = .list(values)
      return
    }
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .none
    } else if let flag = try? value.decode(Bool.self) {
      self = .boolean(flag)
    } else if let number = try? value.decode(Double.self), number == 0, number.sign == .minus {
      self = .number(number)
    } else if let number = try? value.decode(Int64.self) {
      self = .integer(number)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else {
      self = .text(try value.decode(String.self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .fields(let fields):
      var container = encoder.container(keyedBy: Key.self)
      for (name, value) in fields { try container.encode(value, forKey: Key(stringValue: name)) }
    case .list(let values):
      var container = encoder.unkeyedContainer()
      for value in values { try container.encode(value) }
    default:
      var container = encoder.singleValueContainer()
      switch self {
      case .boolean(let flag): try container.encode(flag)
      case .integer(let number): try container.encode(number)
      case .number(let number): try container.encode(number)
      case .text(let text): try container.encode(text)
      default: try container.encodeNil()
      }
    }
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

/// The state of a kind that remembers nothing.
public struct Stateless: Codable, Sendable, Equatable {
  public init() {}
}
