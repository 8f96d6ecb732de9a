import Glibc

/// How the values of a key are written in TOML, and what an error says is wanted.
package struct KeyForm<Value> {
  package var type: KeyDeclaration.ValueType
  package var wanted: String
  /// Nil for what the key does not take.
  package var read: (TOMLTree.Value) -> Value?
  package var write: (Value) -> String

  package init(
    _ type: KeyDeclaration.ValueType, wanted: String, read: @escaping (TOMLTree.Value) -> Value?,
    write: @escaping (Value) -> String
  ) {
    (self.type, self.wanted, self.read, self.write) = (type, wanted, read, write)
  }
}

extension KeyForm {
  /// A list of what another form takes, without its bounds in words.
  package static func list<Element>(of element: KeyForm<Element>, wanted: String) -> Self
  where Value == [Element] {
    Self(.list, wanted: wanted) {
      guard case .array(let items) = $0 else { return nil }
      let values = items.compactMap { element.read($0.value) }
      return values.count == items.count ? values : nil
    } write: {
      "[" + $0.map(element.write).joined(separator: ", ") + "]"
    }
  }
}

extension KeyForm<String> {
  static var string: Self {
    Self(.string, wanted: "a string") {
      if case .string(let text) = $0 { text } else { nil }
    } write: {
      tomlString($0)
    }
  }

  /// A path, made absolute.
  package static func path(in folder: String) -> Self {
    Self(.path, wanted: "a path") {
      if case .string(let text) = $0, !text.isEmpty { absolutePath(text, in: folder) } else { nil }
    } write: {
      tomlString($0)
    }
  }
}

extension KeyForm<Bool> {
  static var boolean: Self {
    Self(.boolean, wanted: "true or false") {
      if case .boolean(let flag) = $0 { flag } else { nil }
    } write: {
      "\($0)"
    }
  }
}

extension KeyForm<Int> {
  static func integer(in range: ClosedRange<Int>) -> Self {
    let upper = range.upperBound == .max ? "" : " and at most \(range.upperBound)"
    return Self(.integer, wanted: "a whole number of at least \(range.lowerBound)\(upper)") {
      if case .integer(let number) = $0, range.contains(number) { number } else { nil }
    } write: {
      "\($0)"
    }
  }
}

extension KeyForm<Double> {
  /// A finite number that `accepts` agrees to.
  static func number(wanted: String, _ accepts: @escaping (Double) -> Bool) -> Self {
    Self(.number, wanted: wanted) {
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

  /// A finite number within bounds; infinite ones are none.
  static func number(in range: ClosedRange<Double>) -> Self {
    let bounds = [
      range.lowerBound == -.infinity ? nil : "at least \(plain(range.lowerBound))",
      range.upperBound == .infinity ? nil : "at most \(plain(range.upperBound))",
    ].compactMap { $0 }
    return number(
      wanted: bounds.isEmpty ? "a number" : "a number of " + bounds.joined(separator: " and ")
    ) { range.contains($0) }
  }

  /// A finite number from a bound to below another.
  static func number(in range: Range<Double>) -> Self {
    number(
      wanted: "a number of at least \(plain(range.lowerBound)) and below \(plain(range.upperBound))"
    ) { range.contains($0) }
  }
}

/// A bound in words: a whole number without its fraction.
private func plain(_ bound: Double) -> String {
  Int(exactly: bound).map(String.init) ?? "\(bound)"
}

private func absolutePath(_ path: String, in folder: String) -> String {
  if path.hasPrefix("/") { return path }
  let base = realpath(folder, nil)
  defer { free(base) }
  return (base.map { String(cString: $0) } ?? folder) + "/" + path
}
