/// The distinct words of a column: each has a number, in the order in which they came, and a place,
/// in the order of their values.
struct DistinctWords: Sendable {
  private var codes: [String: Int32] = [:]

  var count: Int { codes.count }

  /// The number of a word, which is a new one where the word is.
  mutating func code(of word: String) -> Int32 {
    let next = Int32(codes.count)
    let code = codes[word, default: next]
    if code == next { codes[word] = next }
    return code
  }

  /// The words in the order of their values if all are numbers, of which equal ones, such as 1 and
  /// 1.0, are one, else of their bytes; and each number's place among them.
  func ordered() -> (names: [String], places: [Int32]) {
    var names: [String] = []
    var places = [Int32](repeating: 0, count: codes.count)
    let values = codes.keys.compactMap { text in number(text).map { (text: text, value: $0) } }
    if values.count < codes.count {
      names = codes.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      for (place, name) in names.enumerated() { places[Int(codes[name]!)] = Int32(place) }
    } else {
      // Of a value that is written in several ways the shortest comes first, and names it.
      var last: Double?
      for (text, value) in values.sorted(by: {
        ($0.value, $0.text.utf8.count, $0.text) < ($1.value, $1.text.utf8.count, $1.text)
      }) {
        if value != last { names.append(text) }
        last = value
        places[Int(codes[text]!)] = Int32(names.count - 1)
      }
    }
    return (names, places)
  }
}

/// Names in order, to be found again: by their values where all are numbers, of which equal ones are
/// one.
struct OrderedNames {
  private var places: [String: Int32] = [:]
  private var values: [Double: Int32] = [:]

  init(_ names: [String]) {
    for (place, name) in names.enumerated() {
      places[name] = Int32(place)
      if let value = number(name) { values[value] = Int32(place) }
    }
    if values.count < names.count { values = [:] }
  }

  subscript(name: String) -> Int32? { places[name] ?? number(name).flatMap { values[$0] } }
}
