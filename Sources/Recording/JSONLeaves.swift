/// The leaves of a JSON value, each with its path, in the order in which the text has them:
/// `norm.layers.layers.0.weight`, `reasons[1]`.
///
/// Numbers stay as they are written. Lockstep writes every Double as its shortest decimal that
/// reads back to it, so two numbers have the same bits exactly if they have the same text. An empty
/// object or array is a leaf too.
public struct JSONLeaves: Sendable, Equatable {
  public struct Leaf: Sendable, Equatable {
    public var path: String
    /// A number, a string with its quotes, `true`, `false`, `null`, `{}` or `[]`.
    public var text: String
  }

  public private(set) var leaves: [Leaf] = []

  /// - Throws: when the text is not one JSON value; `name` says whose it is.
  public init(_ text: [UInt8], name: String) throws(RunFileError) {
    var scanner = Scanner(bytes: text, name: name)
    try scanner.value(at: "", into: &leaves, depth: 0)
    scanner.skipSpace()
    if scanner.position < text.count { throw scanner.failure("something follows the value") }
  }

  private struct Scanner {
    let bytes: [UInt8]
    let name: String
    var position = 0

    func failure(_ what: String) -> RunFileError {
      RunFileError("\(name): byte \(position): not JSON: \(what)")
    }

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipSpace() {
      while let byte = next, [0x20, 0x0A, 0x0D, 0x09].contains(byte) { position += 1 }
    }

    mutating func value(at path: String, into leaves: inout [Leaf], depth: Int) throws(RunFileError)
    {
      guard depth < 64 else { throw failure("nested too deep") }
      skipSpace()
      switch next {
      case UInt8(ascii: "{"):
        try items(until: UInt8(ascii: "}"), empty: "{}", at: path, into: &leaves) {
          scanner, leaves, _ throws(RunFileError) in
          let key = try scanner.string().dropFirst().dropLast()
          scanner.skipSpace()
          guard scanner.take(UInt8(ascii: ":")) else { throw scanner.failure("a colon is missing") }
          try scanner.value(
            at: path.isEmpty ? String(key) : "\(path).\(key)", into: &leaves, depth: depth + 1)
        }
      case UInt8(ascii: "["):
        try items(until: UInt8(ascii: "]"), empty: "[]", at: path, into: &leaves) {
          scanner, leaves, index throws(RunFileError) in
          try scanner.value(at: "\(path)[\(index)]", into: &leaves, depth: depth + 1)
        }
      case UInt8(ascii: "\""): leaves.append(Leaf(path: path, text: try string()))
      default:
        let start = position
        while let byte = next, byte > 0x20,
          ![UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]")].contains(byte)
        { position += 1 }
        let word = String(decoding: bytes[start..<position], as: UTF8.self)
        guard ["true", "false", "null"].contains(word) || Double(word) != nil else {
          throw failure("no value")
        }
        leaves.append(Leaf(path: path, text: word))
      }
    }

    private mutating func items(
      until end: UInt8, empty: String, at path: String, into leaves: inout [Leaf],
      each item: (inout Scanner, inout [Leaf], Int) throws(RunFileError) -> Void
    ) throws(RunFileError) {
      position += 1
      skipSpace()
      if take(end) { return leaves.append(Leaf(path: path, text: empty)) }
      var index = 0
      while true {
        skipSpace()
        try item(&self, &leaves, index)
        index += 1
        skipSpace()
        if take(end) { return }
        guard take(UInt8(ascii: ",")) else { throw failure("a comma is missing") }
      }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
      guard next == byte else { return false }
      position += 1
      return true
    }

    /// A string with its quotes, its escapes as they are.
    private mutating func string() throws(RunFileError) -> String {
      let start = position
      guard take(UInt8(ascii: "\"")) else { throw failure("a string is missing") }
      while let byte = next, byte != UInt8(ascii: "\"") {
        position += byte == UInt8(ascii: "\\") ? 2 : 1
      }
      guard take(UInt8(ascii: "\"")) else { throw failure("a string does not end") }
      return String(decoding: bytes[start..<position], as: UTF8.self)
    }
  }
}
