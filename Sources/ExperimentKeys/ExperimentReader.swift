import Files

/// Reads typed keys out of a document and remembers each with its resolved value.
///
/// Every key is declared once, by the call that reads it. From those calls follow the defaults, the
/// bounds, the list of valid keys that an unknown one is compared with, the resolved file, and
/// ``declarations(registry:of:)``, from which the page of keys is written.
public struct ExperimentReader {
  /// The kinds that the experiment can name.
  public let registry: Registry
  let tree: TOMLTree
  private let folder: String
  /// Where the keys that are being read lie: nowhere at first, then a section, or an entry of a
  /// list of tables.
  var base = TOMLPath([])
  /// The resolved file so far: sections in the order they were read, each with its lines.
  var resolved: [(section: String, lines: [String])] = [("", [])]
  var known: Set<String> = []
  private var sections: Set<String> = []
  /// Keys that an alternative to what was chosen would have asked for.
  var foreign: Set<String> = []
  /// Such keys that entries of lists had.
  var ignoredKeys: [String] = []
  /// The names that choices have.
  var chosen: [TOMLPath: String] = [:]
  /// What is chosen where keys are being read, outermost first.
  var conditions: [KeyDeclaration.Condition] = []
  /// Whether an alternative to what was chosen is being read, for its keys alone.
  var isAlternative = false
  /// The keys so far, where these are what is wanted and not their values.
  var declarations: [KeyDeclaration]?

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
  func keysPassedOver(at path: TOMLPath) throws(ExperimentError) -> [String] {
    guard case .table(let table)? = tree[path]?.value else { return [] }
    let prefix = "\(path)."
    let here = known.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
      .sorted()
    var ignoredKeys: [String] = []
    for key in table.keys.sorted() where !here.contains(key) {
      // A table whose keys were read has been looked through.
      if here.contains(where: { $0.hasPrefix(key + ".") }) { continue }
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

  /// Where an element of a list, counted from 0, was written: the start of a message about it.
  public func place(of key: String, at index: Int) -> String {
    tree.place(path(of: key).appending(.index(index)))
  }

  func path(of key: String) -> TOMLPath { base.appending(.key(key)) }

  /// What a relative path that a key has is relative to.
  package func folder(of key: String) -> String { tree.isOverridden(path(of: key)) ? "." : folder }

  /// Reads a key of any form; the default is in the resolved file where it is not given.
  package mutating func value<Value>(
    _ key: String, default fallback: Value, as form: KeyForm<Value>, _ help: String
  ) throws(ExperimentError) -> Value {
    declare(key, form.type, wanted: form.wanted, default: form.write(fallback), help)
    return try read(key, as: form) ?? note(key, fallback, form.write(fallback))
  }

  /// Reads a key of any form; nil where it is not given.
  package mutating func value<Value>(
    optional key: String, as form: KeyForm<Value>, _ help: String
  ) throws(ExperimentError) -> Value? {
    declare(key, form.type, wanted: form.wanted, default: nil, help)
    return try read(key, as: form)
  }

  /// Reads a key of any form that has to be given; `missing` is the error where it is not.
  package mutating func value<Value>(
    needed key: String, example: Value, missing: String, as form: KeyForm<Value>, _ help: String
  ) throws(ExperimentError) -> Value {
    declare(
      key, form.type, wanted: form.wanted, default: nil, isNeeded: true,
      example: form.write(example), help)
    if let value = try read(key, as: form) { return value }
    // Where keys are only declared, those that follow are wanted too.
    guard declarations == nil else { return example }
    throw error(key, missing)
  }

  /// The value that the document has, noted in the resolved file; nil where it has none.
  mutating func read<Value>(_ key: String, as form: KeyForm<Value>) throws(ExperimentError)
    -> Value?
  {
    let path = path(of: key)
    known.insert(path.description)
    guard let node = tree[path] else { return nil }
    guard let result = form.read(node.value) else {
      // No key takes inf or nan, so that what is wanted says so only here.
      var wanted = form.wanted
      if case .number(let number) = node.value, !number.isFinite, wanted.hasPrefix("a number") {
        wanted = "a finite number" + wanted.dropFirst("a number".count)
      }
      throw ExperimentError("\(tree.place(path)): wanted \(wanted), found \(describe(node.value))")
    }
    return note(key, result, form.write(result))
  }

  mutating func note<Result>(_ key: String, _ result: Result, _ text: String) -> Result {
    resolved[resolved.count - 1].lines.append("\(key) = \(text)")
    return result
  }
}

func describe(_ value: TOMLTree.Value) -> String {
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
