/// A TOML document as plain values, each with the place it was written at, and what the command
/// line overrides in it.
///
/// No library reads it, because of those that could be had none takes whatever a file may hold:
/// fuzzing ended toml++ 3.3 and 3.4 (`[@x]`, `[é`, 30,000 dotted keys) and toml11 3.7 (100,000
/// brackets; dotted keys in the square of their number) within two minutes each.
package struct TOMLTree {
  /// The most levels of tables and lists: what reads, copies and frees a document calls itself as
  /// often.
  package static let deepest = 64
  /// The most bytes of a document.
  package static let largest = 1 << 20

  /// The document's name, as messages give it.
  let source: String
  package private(set) var root: Node
  private let lines: LineTable

  package init(text: String, source: String) throws(ExperimentError) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.largest else {
      throw ExperimentError("\(source): \(bytes.count) bytes; an experiment file has at most 1 MiB")
    }
    self.source = source
    lines = LineTable(bytes)
    if let offset = bytes.firstIndex(of: 0) {
      throw ExperimentError(
        "\(source):\(lines.place(of: offset).line): byte \(offset): a NUL; an experiment file is UTF-8 text"
      )
    }
    do {
      root = try TOMLParser.document(bytes)
    } catch {
      let place = lines.place(of: error.offset)
      throw ExperimentError(
        "\(source):\(place.line): not TOML: \(error.what) (column \(place.column))")
    }
  }

  /// The document's entries: its sections and the keys above them.
  var entries: [String: Node] { if case .table(let entries) = root.value { entries } else { [:] } }

  /// What a path leads to.
  package subscript(path: TOMLPath) -> Node? { root[path.parts[...]] }

  func isOverridden(_ path: TOMLPath) -> Bool {
    if case .commandLine? = self[path]?.origin { true } else { false }
  }

  mutating func replaceRoot(_ node: Node) { root = node }

  /// Line and column of a key, or of an element of a list, both from 1; nil where the command line
  /// gave it or nothing did.
  package func position(_ path: TOMLPath) -> (line: Int, column: Int)? {
    if case .file(let offset)? = self[path]?.origin { lines.place(of: offset) } else { nil }
  }

  /// Where a key stands, as the start of a message. What has a list on the way to it shares its
  /// line with others, and gets a column.
  func place(_ path: TOMLPath) -> String {
    switch self[path]?.origin {
    case .commandLine(let override):
      return "--set \(override)" + (override.parts.starts(with: path.parts) ? "" : ": \(path)")
    case .file(let offset):
      let place = lines.place(of: offset)
      let isInList = path.parts.contains { if case .index = $0 { true } else { false } }
      return
        "\(source):\(place.line)\(isInList ? ":\(place.column)" : ""): \(shortened(path.description))"
    case nil: return "\(source): \(shortened(path.description))"
    }
  }
}

/// The bytes at which a text's lines begin.
private struct LineTable {
  private let bytes: [UInt8]
  private let starts: [Int]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    starts = [0] + bytes.indices.filter { bytes[$0] == UInt8(ascii: "\n") }.map { $0 + 1 }
  }

  /// Line and column of a byte, both from 1; a column is a character.
  func place(of offset: Int) -> (line: Int, column: Int) {
    var (low, high) = (0, starts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle } else { high = middle }
    }
    return (low + 1, bytes[starts[low]..<min(offset, bytes.count)].count { $0 & 0xC0 != 0x80 } + 1)
  }
}
