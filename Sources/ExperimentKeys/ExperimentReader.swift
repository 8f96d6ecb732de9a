import Files
import Glibc

/// Reads typed keys out of a document and remembers each with its resolved value.
///
/// Every key is declared once, by the call that reads it. From those calls follow the defaults, the
/// bounds, the list of valid keys that an unknown one is compared with, and the resolved file.
public struct ExperimentReader {
  /// The kinds that the experiment can name.
  public let registry: Registry
  private let tree: TOMLTree
  private let folder: String
  /// Where the keys that are being read lie: nowhere at first, then a section, or an entry of a
  /// list of tables.
  private var base = TOMLPath([])
  /// The resolved file so far: sections in the order they were read, each with its lines.
  private var resolved: [(section: String, lines: [String])] = [("", [])]
  private var known: Set<String> = []
  private var sections: Set<String> = []
  /// Keys that an alternative to what was chosen would have asked for.
  private var foreign: Set<String> = []
  /// Such keys that entries of lists had.
  private var ignoredKeys: [String] = []

  /// Reads TOML and puts the `key.path=value` overrides into it; `source` is the file's name, for
  /// messages and for what is relative to its folder.
  public init(text: String, source: String, overrides: [String], registry: Registry = Registry())
    throws(ExperimentError)
  {
    var tree = try TOMLTree(text: text, source: source)
    for override in overrides { try tree.apply(override: override) }
    self.tree = tree
    self.registry = registry
    folder = source.contains("/") ? String(source[..<source.lastIndex(of: "/")!]) : "."
  }

  /// Turns to a section; the keys read from here on are in it.
  public mutating func enter(_ name: String) throws(ExperimentError) {
    base = TOMLPath(keys: name)
    sections.insert(name)
    resolved.append((name, []))
    if let node = tree[base] {
      guard case .table = node.value else {
        throw ExperimentError(
          "\(tree.place(base)): wanted a section [\(name)], found \(node.value.kind)")
      }
    }
  }

  public mutating func string(_ key: String, default fallback: String) throws(ExperimentError)
    -> String
  {
    try value(key, wanted: "a string") {
      if case .string(let text) = $0 { text } else { nil }
    } write: {
      tomlString($0)
    }
      ?? note(
        key, fallback, tomlString(fallback))
  }

  public mutating func string(optional key: String) throws(ExperimentError) -> String? {
    try value(key, wanted: "a string") {
      if case .string(let text) = $0 { text } else { nil }
    } write: {
      tomlString($0)
    }
  }

  /// A path: relative to the experiment file's folder, or, when given on the command line, to the
  /// working directory. Resolved to absolute.
  public mutating func path(_ key: String) throws(ExperimentError) -> String? {
    let base = tree.isOverridden(path(of: key)) ? "." : folder
    return try value(key, wanted: "a path") {
      if case .string(let text) = $0, !text.isEmpty { absolutePath(text, in: base) } else { nil }
    } write: {
      tomlString($0)
    }
  }

  public mutating func boolean(_ key: String, default fallback: Bool) throws(ExperimentError)
    -> Bool
  {
    try value(key, wanted: "true or false") {
      if case .boolean(let flag) = $0 { flag } else { nil }
    } write: {
      "\($0)"
    }
      ?? note(
        key, fallback, "\(fallback)")
  }

  public mutating func boolean(optional key: String) throws(ExperimentError) -> Bool? {
    try value(key, wanted: "true or false") {
      if case .boolean(let flag) = $0 { flag } else { nil }
    } write: {
      "\($0)"
    }
  }

  public mutating func integer(_ key: String, default fallback: Int, in range: ClosedRange<Int>)
    throws(ExperimentError) -> Int
  {
    try integer(optional: key, in: range) ?? note(key, fallback, "\(fallback)")
  }

  public mutating func integer(optional key: String, in range: ClosedRange<Int>)
    throws(ExperimentError) -> Int?
  {
    let upper = range.upperBound == .max ? "" : " and at most \(range.upperBound)"
    return try value(key, wanted: "a whole number of at least \(range.lowerBound)\(upper)") {
      if case .integer(let number) = $0, range.contains(number) { number } else { nil }
    } write: {
      "\($0)"
    }
  }

  public mutating func integers(_ key: String, default fallback: [Int], in range: ClosedRange<Int>)
    throws(ExperimentError) -> [Int]
  {
    func text(_ numbers: [Int]) -> String {
      "[" + numbers.map(String.init).joined(separator: ", ") + "]"
    }
    return try value(key, wanted: "a list of whole numbers of at least \(range.lowerBound)") {
      guard case .array(let items) = $0 else { return nil }
      var numbers: [Int] = []
      for item in items {
        guard case .integer(let number) = item.value, range.contains(number) else { return nil }
        numbers.append(number)
      }
      return numbers
    } write: {
      text($0)
    } ?? note(key, fallback, text(fallback))
  }

  /// A finite number that `accepts` agrees to; `wanted` says in words what that is.
  public mutating func number(
    _ key: String, default fallback: Double, wanted: String, _ accepts: (Double) -> Bool
  ) throws(ExperimentError) -> Double {
    try number(optional: key, wanted: wanted, accepts) ?? note(key, fallback, "\(fallback)")
  }

  public mutating func number(optional key: String, wanted: String, _ accepts: (Double) -> Bool)
    throws(ExperimentError) -> Double?
  {
    try value(key, wanted: wanted) {
      let number: Double
      switch $0 {
      case .integer(let whole): number = Double(whole)
      case .number(let real): number = real
      default: return nil
      }
      return number.isFinite && accepts(number) ? number : nil
    } write: {
      "\($0)"
    }
  }

  public mutating func strings(_ key: String) throws(ExperimentError) -> [String] {
    func text(_ words: [String]) -> String {
      "[" + words.map(tomlString).joined(separator: ", ") + "]"
    }
    return try value(key, wanted: "a list of strings") {
      guard case .array(let items) = $0 else { return nil }
      let words = items.compactMap { if case .string(let word) = $0.value { word } else { nil } }
      return words.count == items.count ? words : nil
    } write: {
      text($0)
    } ?? note(key, [], "[]")
  }

  /// One of an enumeration's names; a wrong one is answered with the nearest.
  public mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(
    _ key: String, default fallback: Choice
  ) throws(ExperimentError) -> Choice {
    Choice(
      rawValue: try choice(key, default: fallback.rawValue, among: Choice.allCases.map(\.rawValue)))!
  }

  /// One of some names; a wrong one is answered with the nearest.
  public mutating func choice(_ key: String, default fallback: String, among names: [String])
    throws(ExperimentError) -> String
  {
    let text = try string(key, default: fallback)
    if names.contains(text) { return text }
    let hint = nearest(text, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
    throw ExperimentError(
      "\(tree.place(path(of: key))): \(tomlString(shortened(text))) is not one of \(names.joined(separator: ", "))\(hint)"
    )
  }

  /// Learns which keys an alternative to what was chosen would ask for: in the file they are then
  /// passed over, so that one line switches between them.
  public mutating func allowKeys(of alternative: (inout ExperimentReader) -> Void) {
    var other = self
    alternative(&other)
    foreign.formUnion(other.known)
  }

  /// Refuses what was in the file but never asked for. Returns the resolved file's text, the keys
  /// of the file that only alternatives would have asked for, and every key that was asked for.
  public consuming func finish() throws(ExperimentError) -> (
    resolved: String, ignoredKeys: [String], keys: Set<String>
  ) {
    var ignoredKeys = self.ignoredKeys
    let top = known.filter { !$0.contains(".") }.sorted()
    for (name, node) in tree.entries.sorted(by: { $0.key < $1.key }) {
      let path = TOMLPath(keys: name)
      if case .table = node.value {
        guard sections.contains(name) else {
          throw unknown("section", path, name, among: sections.sorted()) { "[\($0)]" }
        }
        ignoredKeys += try keysPassedOver(at: path)
      } else if !known.contains(name) {
        throw unknown("key", path, name, among: top) { $0 }
      }
    }
    let text = resolved.filter { !$0.lines.isEmpty }.map { part in
      (part.section.isEmpty ? [] : ["[\(part.section)]"]).joined()
        + (part.section.isEmpty ? "" : "\n") + part.lines.joined(separator: "\n")
        + "\n"
    }.joined(separator: "\n")
    return (text, ignoredKeys, known)
  }

  /// The keys of a table that only an alternative to what was chosen would have asked for; an error
  /// about the first that nothing would.
  private func keysPassedOver(at path: TOMLPath) throws(ExperimentError) -> [String] {
    guard case .table(let table)? = tree[path]?.value else { return [] }
    let prefix = "\(path)."
    let here = known.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
      .sorted()
    var ignoredKeys: [String] = []
    for key in table.keys.sorted() where !here.contains(key) {
      let full = path.appending(.key(key))
      guard foreign.contains(full.description) else {
        throw unknown("key", full, key, among: here) { $0 }
      }
      ignoredKeys.append(full.description)
    }
    return ignoredKeys
  }

  /// An error about a key that nothing read: the nearest of what is known there, or the section
  /// where the key would be known, or all of it.
  private func unknown(
    _ what: String, _ path: TOMLPath, _ word: String, among names: [String],
    shown: (String) -> String
  ) -> ExperimentError {
    let advice =
      if let near = nearest(word, among: names) {
        "did you mean \(shown(near))?"
      } else if let home = known.sorted().first(where: { $0.hasSuffix("." + word) }) {
        "it belongs in [\(home.prefix { $0 != "." })]"
      } else {
        "known here: \(names.map(shown).joined(separator: ", "))"
      }
    return ExperimentError("\(tree.place(path)): unknown \(what); \(advice)")
  }

  /// The current section with what has been read of it so far, resolved: a TOML document of its
  /// own.
  public var resolvedSection: String {
    "[\(base)]\n" + resolved[resolved.count - 1].lines.map { $0 + "\n" }.joined()
  }

  /// Whether the command line gives a key of the current section.
  public func isOverridden(_ key: String) -> Bool { tree.isOverridden(path(of: key)) }

  /// Line and column, both from 1, of a key of the current section or entry; nil where the file
  /// does not have it.
  public func position(of key: String) -> (line: Int, column: Int)? { tree.position(path(of: key)) }

  /// Passes over a key of the file that something on the command line takes the place of.
  public mutating func ignore(_ key: String) { known.insert(path(of: key).description) }

  /// An error about a key that was read.
  public func error(_ key: String, in section: String? = nil, _ text: String) -> ExperimentError {
    let path =
      section.map { $0.isEmpty ? TOMLPath(keys: key) : TOMLPath(keys: $0, key) } ?? path(of: key)
    return ExperimentError("\(tree.place(path)): \(text)")
  }

  /// Reads every table of a list of tables, `[[section.key]]` or `key = [{ … }, … ]`: `read` asks
  /// an entry for its keys as it would a section. Returns nil where the key is not there.
  /// - Throws: also for a key of an entry that `read` did not ask for, with the entry's index, line
  ///   and column.
  public mutating func tables<Entry>(
    _ key: String, _ read: (inout ExperimentReader) throws(ExperimentError) -> Entry
  ) throws(ExperimentError) -> [Entry]? {
    let path = path(of: key)
    known.insert(path.description)
    guard let node = tree[path] else { return nil }
    guard case .array(let nodes) = node.value else {
      throw ExperimentError(
        "\(tree.place(path)): wanted a list of tables, found \(describe(node.value))")
    }
    var entries: [Entry] = []
    var lines: [String] = []
    for index in nodes.indices {
      var reader = self
      reader.base = path.appending(.index(index))
      guard case .table = nodes[index].value else {
        throw ExperimentError(
          "\(tree.place(reader.base)): wanted a table, { … }, found \(describe(nodes[index].value))"
        )
      }
      (reader.resolved, reader.known, reader.foreign, reader.ignoredKeys) = ([("", [])], [], [], [])
      entries.append(try read(&reader))
      ignoredKeys += try reader.ignoredKeys + reader.keysPassedOver(at: reader.base)
      lines.append("{ " + reader.resolved[0].lines.joined(separator: ", ") + " }")
    }
    let isNested = base.parts.count > 1
    return note(
      key, entries,
      isNested || lines.isEmpty
        ? "[" + lines.joined(separator: ", ") + "]"
        : "[\n  " + lines.joined(separator: ",\n  ") + ",\n]")
  }

  private func path(of key: String) -> TOMLPath { base.appending(.key(key)) }

  package mutating func value<Result>(
    _ key: String, wanted: String, read: (TOMLTree.Value) -> Result?, write: (Result) -> String
  ) throws(ExperimentError) -> Result? {
    let path = path(of: key)
    known.insert(path.description)
    guard let node = tree[path] else { return nil }
    guard let result = read(node.value) else {
      // No key takes inf or nan, so that what is wanted says so only here.
      var wanted = wanted
      if case .number(let number) = node.value, !number.isFinite, wanted.hasPrefix("a number") {
        wanted = "a finite number" + wanted.dropFirst("a number".count)
      }
      throw ExperimentError("\(tree.place(path)): wanted \(wanted), found \(describe(node.value))")
    }
    return note(key, result, write(result))
  }

  package mutating func note<Result>(_ key: String, _ result: Result, _ text: String) -> Result {
    resolved[resolved.count - 1].lines.append("\(key) = \(text)")
    return result
  }
}

private func describe(_ value: TOMLTree.Value) -> String {
  switch value {
  case .string(let text): tomlString(shortened(text))
  case .integer(let number): "\(number)"
  case .number(let number): "\(number)"
  case .boolean(let flag): "\(flag)"
  default: value.kind
  }
}

/// A word as messages give it: not longer than a line.
func shortened(_ text: String) -> String { text.count > 80 ? text.prefix(80) + "…" : text }

/// A TOML basic string.
package func tomlString(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case _ where scalar.value < 0x20 || scalar.value == 0x7F:
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}

private func absolutePath(_ path: String, in folder: String) -> String {
  if path.hasPrefix("/") { return path }
  let base = realpath(folder, nil)
  defer { free(base) }
  return (base.map { String(cString: $0) } ?? folder) + "/" + path
}
