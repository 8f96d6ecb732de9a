extension TOMLTree {
  /// Applies `section.key=value`, or a path into lists, `model.layers[2].rate=0.2`. The value is
  /// TOML, or a string where it is not: `clip.rule=none` needs no quotes in a shell.
  ///
  /// A section that the file does not have is made; what a longer path leads through is there
  /// already.
  package mutating func apply(override text: String) throws(ExperimentError) {
    guard let (path, word) = Self.split(text) else {
      throw ExperimentError(
        "--set \(text): wanted key.path=value"
          + (text.contains("=") && !text.hasPrefix("=") ? Self.example : ""))
    }
    let value = Self.from(path, TOMLParser.value(Array(word.utf8)) ?? .string(word))
    var root = root
    try set(path.parts[...], of: &root, done: [], to: value, path: path, text: text)
    replaceRoot(root)
  }

  private static var example: String { ", such as training.steps=100" }

  /// The path before the first equals sign outside quotes, and the text behind it.
  private static func split(_ text: String) -> (TOMLPath, String)? {
    var scanner = TOMLScanner(Array(text.utf8))
    var parts: [TOMLPath.Part] = []
    repeat {
      scanner.skipBlanks()
      guard parts.count < deepest, let key = try? scanner.keyPart(), !key.isEmpty else {
        return nil
      }
      parts.append(.key(key))
      scanner.skipBlanks()
      while scanner.take(UInt8(ascii: "[")) {
        let start = scanner.offset
        while let byte = scanner.next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
          scanner.offset += 1
        }
        guard
          let index = Int(String(decoding: scanner.bytes[start..<scanner.offset], as: UTF8.self)),
          scanner.take(UInt8(ascii: "]")),
          parts.count < deepest
        else { return nil }
        parts.append(.index(index))
        scanner.skipBlanks()
      }
    } while scanner.take(UInt8(ascii: "."))
    guard scanner.take(UInt8(ascii: "=")) else { return nil }
    return (
      TOMLPath(parts), String(decoding: scanner.bytes[scanner.offset...], as: UTF8.self).trimmed
    )
  }

  /// A value, and all that it holds, as what the override of a path gave.
  private static func from(_ path: TOMLPath, _ value: Value) -> Node {
    let marked: Value =
      switch value {
      case .array(let elements): .array(elements.map { from(path, $0.value) })
      case .table(let entries): .table(entries.mapValues { from(path, $0.value) })
      default: value
      }
    return Node(value: marked, origin: .commandLine(path))
  }

  private func set(
    _ rest: ArraySlice<TOMLPath.Part>, of node: inout Node, done: [TOMLPath.Part], to value: Node,
    path: TOMLPath, text: String
  ) throws(ExperimentError) {
    guard let part = rest.first else {
      node = value
      return
    }
    let here = TOMLPath(done)
    switch (part, node.value) {
    case (.key(let key), .table(var entries)):
      // Only a section, a table in one, or the last key may be new.
      let hasKeysOnly = path.parts.allSatisfy { if case .key = $0 { true } else { false } }
      let isTable = hasKeysOnly && path.parts.count <= 3
      guard
        var inner = entries[key]
          ?? (rest.count == 1 || isTable
            ? Node(value: .table([:]), origin: .commandLine(path)) : nil)
      else {
        guard hasKeysOnly else {
          throw ExperimentError("--set \(text): \(source) has no \(here.appending(part))")
        }
        throw ExperimentError("--set \(text): wanted key.path=value\(Self.example)")
      }
      try set(rest.dropFirst(), of: &inner, done: done + [part], to: value, path: path, text: text)
      entries[key] = inner
      node.value = .table(entries)
    case (.index(let index), .array(var elements)):
      guard elements.indices.contains(index) else {
        let held =
          elements.isEmpty
          ? "is an empty list" : "has \(elements.count) entries, [0] to [\(elements.count - 1)]"
        throw ExperimentError("--set \(text): \(here) \(held)")
      }
      try set(
        rest.dropFirst(), of: &elements[index], done: done + [part], to: value, path: path,
        text: text)
      node.value = .array(elements)
    case (.index, _):
      throw ExperimentError("--set \(text): \(here) is \(node.value.kind), not a list")
    case (.key, _) where done.count == 1 && rest.count == 1:
      // A section that is a value in the file: the reader of the section says what was wanted.
      guard case .key(let key) = part else { return }
      node = Node(value: .table([key: value]), origin: node.origin)
    case (.key, _):
      throw ExperimentError("--set \(text): \(here) is \(node.value.kind), without keys of its own")
    }
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
