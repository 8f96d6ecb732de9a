extension TOMLTree {
  /// A value of a document.
  package enum Value {
    case string(String)
    case integer(Int)
    case number(Double)
    case boolean(Bool)
    case array([Node])
    case table([String: Node])
    /// A date or a time: no experiment key takes one.
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

  /// A value and where it was written.
  package struct Node {
    package var value: Value
    var origin: Origin

    /// The node that a path leads to from here, if there is one.
    subscript(path: ArraySlice<TOMLPath.Part>) -> Node? {
      guard let first = path.first else { return self }
      switch (first, value) {
      case (.key(let key), .table(let entries)): return entries[key]?[path.dropFirst()]
      case (.index(let index), .array(let elements)) where elements.indices.contains(index):
        return elements[index][path.dropFirst()]
      default: return nil
      }
    }
  }

  /// Where a value was written.
  enum Origin {
    /// In the file: the byte at which its key begins, or, in a list, the value itself.
    case file(Int)
    /// On the command line, by the override of this path.
    case commandLine(TOMLPath)
  }
}
