extension ExperimentReader {
  /// Reads every table of a list of tables, `[[section.key]]` or `key = [{ … }, … ]`: `read` asks
  /// an entry for its keys as it would a section. Returns nil where the key is not there; a key with
  /// an `example` is needed, and `missing` is the error where it is not there.
  /// - Throws: also for a key of an entry that `read` did not ask for, with the entry's index, line
  ///   and column.
  public mutating func tables<Entry>(
    _ key: String, example: String? = nil, missing: String = "", _ help: String,
    _ read: (inout ExperimentReader) throws(ExperimentError) -> Entry
  ) throws(ExperimentError) -> [Entry]? {
    let path = path(of: key)
    known.insert(path.description)
    declare(
      key, .tables, wanted: "a list of tables", default: nil, isNeeded: example != nil,
      example: example, help)
    declareEntry(of: key, read)
    // Entries of what was not chosen have no keys of their own: lists in lists would be read twice
    // for each of them.
    if isAlternative && declarations == nil { return nil }
    guard let node = tree[path] else {
      guard declarations == nil, example != nil else { return nil }
      throw error(key, missing)
    }
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

  /// Reads the keys of one table, `key = { … }`, `key.inner = …` or `[section.key]`, as a section's
  /// are read. `read` is called where there is no table too.
  /// - Throws: also for a key of the table that `read` did not ask for, with its line and column.
  public mutating func table<Value>(
    _ key: String, _ read: (inout ExperimentReader) throws(ExperimentError) -> Value
  ) throws(ExperimentError) -> Value {
    let (outer, path) = (base, path(of: key))
    if let node = tree[path] {
      guard case .table = node.value else {
        throw ExperimentError(
          "\(tree.place(path)): wanted a table, { … }, found \(describe(node.value))")
      }
    }
    base = path
    defer { base = outer }
    let section = resolved.count - 1
    let first = resolved[section].lines.count
    let value = try read(&self)
    for line in resolved[section].lines.indices.dropFirst(first) {
      resolved[section].lines[line] = "\(key)." + resolved[section].lines[line]
    }
    ignoredKeys += try keysPassedOver(at: path)
    return value
  }

  /// Declares the keys of an entry. Entries that have lists of their like are declared once.
  private mutating func declareEntry<Entry>(
    of key: String, _ read: (inout ExperimentReader) throws(ExperimentError) -> Entry
  ) {
    guard declarations != nil, !base.parts.contains(.key(key)) else { return }
    var entry = self
    entry.base = path(of: key).appending(.index(0))
    _ = try? read(&entry)
    declarations = entry.declarations
  }
}
