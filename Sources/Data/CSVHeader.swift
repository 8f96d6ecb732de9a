import Files

/// Whether the first row of a CSV file holds the columns' names.
///
/// It does where none of its cells is a number, and where the first cell of some column is none but
/// all others in it are. A first row of numbers cannot be distinguished from data: what looks like
/// names all the same, consecutive whole numbers such as years, is read as data with a note.
struct CSVHeader {
  let isPresent: Bool
  /// What the user is to know; nil where there is no doubt.
  let note: String?

  /// `given` is what the user says, who is always right. Some files are read a second time to find
  /// out, mostly no further than their second row.
  init(cells: [String], given: Bool?, path: String, separator: UInt8) throws(FileError) {
    let numbers = cells.compactMap { number($0) }
    let words = cells.indices.filter { number(cells[$0]) == nil }
    let counts = Self.count(numbers)
    let doubt =
      "line 1 is read as data, but looks like names: if it holds them, set data.header = true, else false"
    if let given {
      (isPresent, note) = (given, nil)
    } else if numbers.isEmpty {
      (isPresent, note) = (true, nil)
    } else if words.isEmpty {
      isPresent = false
      let isUnlikeOthers = counts ? try !Self.secondRowCounts(path, separator) : false
      note = isUnlikeOthers ? "\(path): \(doubt)" : nil
    } else {
      let (isHeader, isRepeated) = try Self.scan(
        path, separator, words: words, cells: cells, seeksRepeats: counts)
      isPresent = isHeader
      note = counts && !isHeader && !isRepeated ? "\(path): \(doubt)" : nil
    }
  }

  /// Whether numbers are three or more consecutive whole ones.
  private static func count(_ numbers: [Double]) -> Bool {
    numbers.count >= 3 && numbers[0] == numbers[0].rounded()
      && zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 }
  }

  private static func secondRowCounts(_ path: String, _ separator: UInt8) throws(FileError) -> Bool
  {
    let rows = try CSVRows(path: path, separator: separator)
    for _ in 0..<2 { guard try rows.next() else { return true } }
    return count((0..<rows.count).compactMap { rows.withCell($0, number) })
  }

  /// Looks at the columns whose first cell is no number: whether one of them has numbers from there
  /// on, and nothing else but missing values; and, where asked, whether another row has one of
  /// those cells again.
  private static func scan(
    _ path: String, _ separator: UInt8, words: [Int], cells: [String], seeksRepeats: Bool
  ) throws(FileError) -> (isHeader: Bool, isRepeated: Bool) {
    let rows = try CSVRows(path: path, separator: separator)
    var (candidates, withNumbers, isRepeated, count) = (words, Set<Int>(), !seeksRepeats, 0)
    guard try rows.next() else { return (false, true) }
    while !candidates.isEmpty || !isRepeated {
      guard try rows.next() else { break }
      count += 1
      candidates.removeAll { column in
        guard column < rows.count else { return true }
        if rows.withCell(column, isMissing) { return false }
        if rows.withCell(column, number) == nil { return true }
        withNumbers.insert(column)
        return false
      }
      // What has not come again in so many rows is not sought through a whole large file.
      isRepeated =
        isRepeated || count == 10_000
        || words.contains { $0 < rows.count && rows.cell($0) == cells[$0] }
    }
    // Of a few rows each may be the only one of its class.
    return (candidates.contains { withNumbers.contains($0) }, isRepeated || count < 4)
  }
}
