/// Writes JSON with its keys in the order they are given and Doubles as their shortest round-trip
/// decimal.
///
/// A Double that is not finite is written as `null`: JSON has no NaN, and a reader must not take
/// one for a number. Text is escaped as RFC 8259 asks. `indented` spreads objects and arrays over
/// lines, for files that people open.
public struct JSONText {
  public private(set) var bytes: [UInt8] = []
  private var depth = 0
  private var needsComma = false
  private let indented: Bool

  public init(indented: Bool = false, capacity: Int = 512) {
    self.indented = indented
    bytes.reserveCapacity(capacity)
  }

  /// The JSON of one record on one line, or indented.
  public init(of record: some JSONWritable, indented: Bool = false) {
    self.init(indented: indented, capacity: 1024)
    value(record)
  }

  public var string: String { String(decoding: bytes, as: UTF8.self) }

  // MARK: Values

  public mutating func object(_ fields: (inout JSONText) -> Void) {
    open(UInt8(ascii: "{"))
    fields(&self)
    close(UInt8(ascii: "}"))
  }

  public mutating func array<Element>(
    _ elements: some Sequence<Element>, each write: (inout JSONText, Element) -> Void
  ) {
    open(UInt8(ascii: "["))
    for element in elements { write(&self, element) }
    close(UInt8(ascii: "]"))
  }

  public mutating func value(_ number: Double?) {
    guard let number, number.isFinite else { return literal("null") }
    literal(number.description)
  }

  public mutating func value(_ flag: Bool) { literal(flag ? "true" : "false") }

  public mutating func value(_ number: Int?) {
    literal(number?.description ?? "null")
  }

  public mutating func value(_ text: String?) {
    guard let text else { return literal("null") }
    separate()
    quote(text)
    needsComma = true
  }

  public mutating func value(_ record: some JSONWritable) { record.write(to: &self) }

  public mutating func null() { literal("null") }

  // MARK: Fields

  public mutating func key(_ name: String) {
    separate()
    quote(name)
    bytes.append(UInt8(ascii: ":"))
    if indented { bytes.append(UInt8(ascii: " ")) }
    needsComma = false
    afterKey = true
  }

  public mutating func field(_ name: String, _ number: Double?) {
    key(name)
    value(number)
  }

  public mutating func field(_ name: String, _ flag: Bool) {
    key(name)
    literal(flag ? "true" : "false")
  }

  public mutating func field(_ name: String, _ number: Int?) {
    key(name)
    value(number)
  }

  public mutating func field(_ name: String, _ text: String?) {
    key(name)
    value(text)
  }

  public mutating func field(_ name: String, _ record: (some JSONWritable)?) {
    key(name)
    if let record { value(record) } else { null() }
  }

  public mutating func field(_ name: String, _ texts: [String]) {
    key(name)
    array(texts) { $0.value($1) }
  }

  public mutating func field(_ name: String, _ records: [some JSONWritable]) {
    key(name)
    array(records) { $0.value($1) }
  }

  /// Ends the record's line; the next value starts a new one.
  public mutating func endLine() {
    bytes.append(UInt8(ascii: "\n"))
    needsComma = false
  }

  // MARK: Punctuation

  private var afterKey = false

  private mutating func literal(_ text: String) {
    separate()
    bytes.append(contentsOf: text.utf8)
    needsComma = true
  }

  /// What stands between the last value and the next one: nothing after a key, a comma after a
  /// value, a new line when indented.
  private mutating func separate() {
    if afterKey {
      afterKey = false
      return
    }
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    if indented && depth > 0 { newLine() }
  }

  private mutating func newLine() {
    bytes.append(UInt8(ascii: "\n"))
    for _ in 0..<depth { bytes.append(contentsOf: [0x20, 0x20]) }
  }

  private mutating func open(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    depth += 1
    needsComma = false
  }

  private mutating func close(_ bracket: UInt8) {
    depth -= 1
    if indented && needsComma { newLine() }
    bytes.append(bracket)
    needsComma = true
  }

  private mutating func quote(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    defer { bytes.append(UInt8(ascii: "\"")) }
    // Nearly every text is a key that needs no escape, and goes in at once.
    let isPlain: Bool? = text.utf8.withContiguousStorageIfAvailable { buffer in
      guard buffer.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C && $0 != 0x7F }) else {
        return false
      }
      bytes.append(contentsOf: buffer)
      return true
    }
    if isPlain == true { return }
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0x0A: bytes.append(contentsOf: [0x5C, UInt8(ascii: "n")])
      case 0x09: bytes.append(contentsOf: [0x5C, UInt8(ascii: "t")])
      case 0x00..<0x20, 0x7F:
        bytes.append(contentsOf: "\\u00".utf8)
        bytes.append(Self.hexDigits[Int(byte >> 4)])
        bytes.append(Self.hexDigits[Int(byte & 15)])
      default: bytes.append(byte)
      }
    }
  }

  private static let hexDigits = Array("0123456789abcdef".utf8)
}

/// A value that writes itself as one JSON value.
public protocol JSONWritable {
  func write(to json: inout JSONText)
}
