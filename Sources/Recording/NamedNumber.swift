/// A number with the name it has as a key: a tensor's norm, a measure of the evaluation.
public struct NamedNumber: Sendable, Equatable {
  public var name: String
  public var value: Double?

  public init(_ name: String, _ value: Double?) {
    self.name = name
    self.value = value
  }
}

extension JSONText {
  /// A field whose value is an object with one key a number, in the list's order.
  public mutating func field(_ name: String, object numbers: [NamedNumber]) {
    key(name)
    object { for number in numbers { $0.field(number.name, number.value) } }
  }
}

extension NamedNumber {
  /// Any key, for objects whose keys are data.
  struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// The numbers of a JSON object, by name, without the keys in `except` and those that are not
  /// wanted.
  package static func list(
    from decoder: any Decoder, except: Set<String> = [],
    where isWanted: (String) -> Bool = { _ in true }
  ) throws -> [NamedNumber] {
    let fields = try decoder.container(keyedBy: Key.self)
    return try fields.allKeys.filter {
      !except.contains($0.stringValue) && isWanted($0.stringValue)
    }.sorted { $0.stringValue < $1.stringValue }
      .map { NamedNumber($0.stringValue, try fields.decodeIfPresent(Double.self, forKey: $0)) }
  }
}

extension [NamedNumber] {
  /// The same numbers in the order in which their keys stand in a line of JSON that Lockstep wrote.
  ///
  /// One pass looks the quoted keys up as it meets them; a key that is not found keeps its place at
  /// the end.
  func inOrder(of line: [UInt8]) -> [NamedNumber] {
    var positions: [String: Int] = [:]
    var index = line.startIndex
    while let open = line[index...].firstIndex(of: UInt8(ascii: "\"")) {
      var close = open + 1
      while close < line.count, line[close] != UInt8(ascii: "\"") {
        close += line[close] == UInt8(ascii: "\\") ? 2 : 1
      }
      guard close + 1 < line.count else { break }
      if line[close + 1] == UInt8(ascii: ":") {
        positions[String(decoding: line[(open + 1)..<close], as: UTF8.self)] = open
      }
      index = close + 1
    }
    return enumerated().sorted { left, right in
      let places = (positions[left.element.name] ?? .max, positions[right.element.name] ?? .max)
      return places.0 == places.1 ? left.offset < right.offset : places.0 < places.1
    }.map(\.element)
  }
}
