/// Reads a TOML 1.0 document into nodes that know where they were written.
///
/// What a table may still take depends on how it was begun, which is forgotten once the document is
/// read.
struct TOMLParser {
  private var scanner: TOMLScanner
  private let root = Table(.opened, at: 0, depth: 0)
  /// The number of headers so far: dotted keys may only add to tables that dotted keys began under
  /// the same header.
  private var header = 0

  private init(_ bytes: [UInt8]) { scanner = TOMLScanner(bytes) }

  /// The document's tables and values.
  static func document(_ bytes: [UInt8]) throws(TOMLError) -> TOMLTree.Node {
    var parser = TOMLParser(bytes)
    // A byte order mark, which some editors write.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { parser.scanner.offset = 3 }
    try parser.parse()
    return parser.root.node
  }

  /// One value by itself; nil where the text is anything else.
  static func value(_ bytes: [UInt8]) -> TOMLTree.Value? {
    var parser = TOMLParser(bytes)
    guard let value = try? parser.value(depth: 1), (try? parser.scanner.endLine()) != nil,
      parser.scanner.next == nil
    else { return nil }
    return bytes.last == UInt8(ascii: "\n") ? nil : value
  }

  private mutating func parse() throws(TOMLError) {
    var current = root
    try scanner.skipBlankLines()
    while let byte = scanner.next {
      if byte == UInt8(ascii: "[") {
        current = try openTable()
      } else {
        try keyAndValue(into: current)
      }
      try scanner.endLine()
      try scanner.skipBlankLines()
    }
  }

  /// `[a.b]` or `[[a.b]]`.
  private mutating func openTable() throws(TOMLError) -> Table {
    header += 1
    scanner.offset += 1
    let isList = scanner.take(UInt8(ascii: "["))
    let parts = try scanner.key(limit: TOMLTree.deepest)
    guard scanner.take(UInt8(ascii: "]")) else { throw scanner.unexpected("] or a dot") }
    guard !isList || scanner.take(UInt8(ascii: "]")) else { throw scanner.unexpected("]]") }
    var table = root
    for part in parts.dropLast() { table = try step(from: table, over: part) }
    let last = parts[parts.count - 1]
    return isList ? try addElement(last, to: table) : try open(last, in: table)
  }

  private func step(from table: Table, over part: (name: String, offset: Int)) throws(TOMLError)
    -> Table
  {
    switch table.entries[part.name] {
    case nil: return try table.begin(part, as: .passed)
    case .table(let inner): return inner
    case .tables(let list): return list.elements.last!
    case .value:
      throw TOMLError(
        offset: part.offset, what: "\(shown(part)) has a value: it cannot hold a table")
    }
  }

  private func open(_ part: (name: String, offset: Int), in table: Table) throws(TOMLError) -> Table
  {
    switch table.entries[part.name] {
    case nil: return try table.begin(part, as: .opened)
    case .table(let inner) where inner.state == .passed:
      inner.state = .opened
      inner.offset = part.offset
      return inner
    default: throw TOMLError(offset: part.offset, what: "\(shown(part)) is there twice")
    }
  }

  private func addElement(_ part: (name: String, offset: Int), to table: Table) throws(TOMLError)
    -> Table
  {
    guard table.depth + 2 <= TOMLTree.deepest else {
      throw TOMLError(offset: part.offset, what: scanner.tooDeep.what)
    }
    let element = Table(.opened, at: part.offset, depth: table.depth + 2)
    switch table.entries[part.name] {
    case nil: table.entries[part.name] = .tables(List(element))
    case .tables(let list): list.elements.append(element)
    default:
      throw TOMLError(
        offset: part.offset, what: "\(shown(part)) is there already, and not as a list of tables")
    }
    return element
  }

  /// `a.b = value`.
  private mutating func keyAndValue(into table: Table) throws(TOMLError) {
    let parts = try scanner.key(limit: TOMLTree.deepest)
    guard scanner.take(UInt8(ascii: "=")) else { throw scanner.unexpected("= or a dot") }
    scanner.skipBlanks()
    var table = table
    for part in parts.dropLast() {
      switch table.entries[part.name] {
      case nil: table = try table.begin(part, as: .dotted(header))
      case .table(let inner) where inner.state == .passed || inner.state == .dotted(header):
        inner.state = .dotted(header)
        table = inner
      default:
        throw TOMLError(
          offset: part.offset, what: "\(shown(part)) is there already: dotted keys cannot add to it"
        )
      }
    }
    let last = parts[parts.count - 1]
    guard table.entries[last.name] == nil else {
      throw TOMLError(offset: last.offset, what: "\(shown(last)) is there twice")
    }
    let value = try value(depth: table.depth + 1)
    table.entries[last.name] = .value(TOMLTree.Node(value: value, origin: .file(last.offset)))
  }

  private mutating func value(depth: Int) throws(TOMLError) -> TOMLTree.Value {
    switch scanner.next {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .string(try scanner.string())
    case UInt8(ascii: "["):
      guard depth < TOMLTree.deepest else { throw scanner.tooDeep }
      return .array(try elements(depth: depth + 1))
    case UInt8(ascii: "{"):
      guard depth < TOMLTree.deepest else { throw scanner.tooDeep }
      return try inlineTable(depth: depth)
    default: return try scanner.word()
    }
  }

  private mutating func elements(depth: Int) throws(TOMLError) -> [TOMLTree.Node] {
    scanner.offset += 1
    var elements: [TOMLTree.Node] = []
    while true {
      try scanner.skipBlankLines()
      if scanner.take(UInt8(ascii: "]")) { return elements }
      let start = scanner.offset
      elements.append(TOMLTree.Node(value: try value(depth: depth), origin: .file(start)))
      try scanner.skipBlankLines()
      if scanner.take(UInt8(ascii: "]")) { return elements }
      guard scanner.take(UInt8(ascii: ",")) else { throw scanner.unexpected("a comma or ]") }
    }
  }

  /// `{ a = 1, b.c = 2 }`, on one line; nothing can be added to it later.
  private mutating func inlineTable(depth: Int) throws(TOMLError) -> TOMLTree.Value {
    let table = Table(.opened, at: scanner.offset, depth: depth)
    scanner.offset += 1
    scanner.skipBlanks()
    guard !scanner.take(UInt8(ascii: "}")) else { return .table([:]) }
    while true {
      try keyAndValue(into: table)
      scanner.skipBlanks()
      if scanner.take(UInt8(ascii: "}")) { return table.node.value }
      guard scanner.take(UInt8(ascii: ",")) else {
        throw scanner.unexpected("a comma or } on the same line")
      }
    }
  }

  private func shown(_ part: (name: String, offset: Int)) -> String {
    TOMLPath(keys: shortened(part.name)).description
  }
}

extension TOMLParser {
  /// A table that is being read.
  private final class Table {
    enum State: Equatable {
      /// Has its header or its braces: neither may come again.
      case opened
      /// Only named on the way to another: its header may still come.
      case passed
      /// Begun by dotted keys under a header: only dotted keys under that header may add to it.
      case dotted(Int)
    }

    enum Entry {
      case value(TOMLTree.Node)
      case table(Table)
      case tables(List)
    }

    var entries: [String: Entry] = [:]
    var state: State
    var offset: Int
    let depth: Int

    init(_ state: State, at offset: Int, depth: Int) {
      (self.state, self.offset, self.depth) = (state, offset, depth)
    }

    /// Puts a new table under a key.
    func begin(_ part: (name: String, offset: Int), as state: State) throws(TOMLError) -> Table {
      guard depth < TOMLTree.deepest else {
        throw TOMLError(
          offset: part.offset, what: "more than \(TOMLTree.deepest) levels of tables and lists")
      }
      let table = Table(state, at: part.offset, depth: depth + 1)
      entries[part.name] = .table(table)
      return table
    }

    var node: TOMLTree.Node {
      let nodes = entries.mapValues { entry in
        switch entry {
        case .value(let node): node
        case .table(let table): table.node
        case .tables(let list):
          TOMLTree.Node(
            value: .array(list.elements.map(\.node)), origin: .file(list.elements[0].offset))
        }
      }
      return TOMLTree.Node(value: .table(nodes), origin: .file(offset))
    }
  }

  /// The tables of `[[a]]` so far.
  private final class List {
    var elements: [Table]

    init(_ first: Table) { elements = [first] }
  }
}
