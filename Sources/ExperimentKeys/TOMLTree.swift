import TOMLKit

/// A parsed TOML document as plain values, with the line each key stands on.
package struct TOMLTree {
  package indirect enum Value: Equatable {
    case string(String)
    case integer(Int)
    case number(Double)
    case boolean(Bool)
    case array([Value])
    case table([String: Value])
    /// A date or time: no experiment key takes one.
    case other(String)

    var kind: String {
      switch self {
      case .string: "a string"
      case .integer: "a whole number"
      case .number: "a number"
      case .boolean: "a boolean"
      case .array: "a list"
      case .table: "a section"
      case .other(let name): "a \(name)"
      }
    }
  }

  /// The document's name, as messages give it.
  let source: String
  private(set) var root: [String: Value]
  private var lines: [String: Int]
  /// The keys that an override set: their place is the command line.
  private var overridden: Set<String> = []

  init(text: String, source: String) throws(ExperimentError) {
    self.source = source
    do {
      root = Self.table(try TOMLTable(string: text))
    } catch let error as TOMLParseError {
      throw ExperimentError("\(source):\(error.source.begin.line): not TOML: \(error.description)")
    } catch {
      throw ExperimentError("\(source): not TOML: \(error)")
    }
    lines = Self.lines(of: text)
  }

  /// Applies `section.key=value`. The value is TOML, or a string where it is not: `clip.rule=none` needs no quotes in a shell.
  mutating func apply(override text: String) throws(ExperimentError) {
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
      throw ExperimentError("--set \(text): wanted key.path=value")
    }
    let path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map { String($0).trimmed }
    let word = String(text[text.index(after: equals)...]).trimmed
    guard (1...2).contains(path.count), path.allSatisfy({ !$0.isEmpty }) else {
      throw ExperimentError("--set \(text): wanted key.path=value, such as training.steps=100")
    }
    let parsed = try? TOMLTable(string: "value = \(word)")
    let value = parsed.flatMap { Self.table($0)["value"] } ?? .string(word)
    if path.count == 1 {
      root[path[0]] = value
    } else {
      var section: [String: Value] = [:]
      if case .table(let existing)? = root[path[0]] { section = existing }
      section[path[1]] = value
      root[path[0]] = .table(section)
    }
    overridden.insert(path.joined(separator: "."))
  }

  func isOverridden(_ path: String) -> Bool { overridden.contains(path) }

  /// Where a key stands, as the start of a message.
  func place(_ path: String) -> String {
    if overridden.contains(path) { return "--set \(path)" }
    if let line = lines[path] { return "\(source):\(line): \(path)" }
    return "\(source): \(path)"
  }

  private static func table(_ table: TOMLTable) -> [String: Value] {
    var result: [String: Value] = [:]
    for key in table.keys { if let value = table[key] { result[key] = convert(value.tomlValue) } }
    return result
  }

  private static func convert(_ value: TOMLValue) -> Value {
    if let table = value.table { return .table(Self.table(table)) }
    if let array = value.array { return .array(array.map { convert($0.tomlValue) }) }
    if let string = value.string { return .string(string) }
    if let bool = value.bool { return .boolean(bool) }
    if value.type == .double, let double = value.double { return .number(double) }
    if let int = value.int { return .integer(int) }
    return .other(value.type.rawValue)
  }

  /// The line of each `key` and `section.key`, read off the text: the parser keeps no positions of what it accepts.
  private static func lines(of text: String) -> [String: Int] {
    var lines: [String: Int] = [:]
    var section = ""
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = String(line).trimmed
      if line.hasPrefix("["), let end = line.firstIndex(of: "]") {
        section = String(line[line.index(after: line.startIndex)..<end]).trimmed
        lines[section] = lines[section] ?? index + 1
      } else if let equals = line.firstIndex(of: "="), !line.hasPrefix("#") {
        let key = String(line[..<equals]).trimmed
        let path = section.isEmpty ? key : "\(section).\(key)"
        lines[path] = lines[path] ?? index + 1
      }
    }
    return lines
  }
}

extension String {
  package var trimmed: String {
    var slice = self[...]
    while let first = slice.first, first.isWhitespace { slice.removeFirst() }
    while let last = slice.last, last.isWhitespace { slice.removeLast() }
    return String(slice)
  }
}
