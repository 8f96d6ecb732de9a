import Files

/// What the cells of a table's inputs and targets are, found out as they are read: numbers, or the
/// words of categories.
///
/// The first cell of an input that is not missing decides: a number or a word. The other sort is an
/// error from then on, so that a misspelt number does not make a column one of categories.
struct CSVContents {
  enum Sort: UInt8 {
    case open, numbers, words
    /// Words because the user says so, whatever they look like.
    case categories
  }

  static let mostCategories = 4096
  static let longestCategory = 256

  /// Of each input, then of each target.
  private(set) var sorts: [Sort]
  /// The words of the inputs that have any.
  private(set) var words: [DistinctWords]
  /// Missing values of each input.
  private(set) var missing: [Int]
  private let rule: MissingValues
  private let names: [String]?
  /// Whether rows are read that nothing has said to be no names.
  private let mayBeNames: Bool

  /// `inputs` is what is known of each input's cells before any is read.
  init(inputs: [Sort], targets: Int, rule: MissingValues, names: [String]?) {
    sorts = inputs + [Sort](repeating: .numbers, count: targets)
    words = inputs.map { _ in DistinctWords() }
    missing = [Int](repeating: 0, count: inputs.count)
    (self.rule, self.names, mayBeNames) = (rule, names, names == nil)
  }

  /// The number that stands for a cell: its own, or its word's; nil where it is missing and may be.
  /// `row` counts the rows before.
  mutating func value(of column: Int, at place: Int, in rows: CSVRows, row: Int)
    throws(FileError) -> Double?
  {
    let isTarget = place >= words.count
    let isAbsent =
      sorts[place] == .categories
      ? rows.withCell(column) { $0.isEmpty } : rows.withCell(column, isMissing)
    if isAbsent {
      guard rule == .drop || (rule == .mean && !isTarget) else {
        throw absent(rows, column, isTarget: isTarget)
      }
      if !isTarget { missing[place] += 1 }
      return nil
    }
    if sorts[place] == .open || sorts[place] == .numbers {
      switch rows.withCell(column, parseNumber) {
      case .value(let value):
        sorts[place] = .numbers
        return value
      case .wrong where sorts[place] == .open: sorts[place] = .words
      case .large:
        throw failure(
          rows, column, "\(shown(rows, column)) is too large for Float32",
          remedy: "correct it, or leave the row out")
      default:
        throw failure(
          rows, column, "\"\(shown(rows, column))\" is not a number",
          remedy: mayBeNames && row == 0
            ? "if line 1 holds names, set data.header = true"
            : isTarget
              ? "correct it, or leave the row out"
              : "correct it, or leave the row out; a column of categories goes into data.categories, one of other things into data.ignore"
        )
      }
    } else if sorts[place] == .words, rows.withCell(column, number) != nil {
      throw failure(
        rows, column, "\(shown(rows, column)) is a number, but there are words above it",
        remedy: mayBeNames && row == 1
          ? "if line 1 holds names, set data.header = true"
          : "correct them; if it is a category, name the column in data.categories")
    }
    return Double(try code(of: column, at: place, in: rows))
  }

  private mutating func code(of column: Int, at place: Int, in rows: CSVRows) throws(FileError)
    -> Int32
  {
    let word = rows.cell(column)
    guard word.utf8.count <= Self.longestCategory else {
      throw failure(
        rows, column,
        "\"\(shown(rows, column))\" is longer than the \(Self.longestCategory) bytes of a category",
        remedy: "put the column into data.ignore")
    }
    let code = words[place].code(of: word)
    guard code < Self.mostCategories else {
      throw failure(
        rows, column, "more than \(Self.mostCategories) categories",
        remedy: "put the column into data.ignore")
    }
    return code
  }

  private func absent(_ rows: CSVRows, _ column: Int, isTarget: Bool) -> FileError {
    let word = shown(rows, column)
    return failure(
      rows, column,
      word.isEmpty ? "the value is missing" : "\"\(word)\" says that the value is missing",
      remedy: isTarget
        ? "fill it in, or set data.missing = \"drop\""
        : "fill it in, or set data.missing to \"mean\" or \"drop\""
          + (word.isEmpty ? "" : "; if it is a category, name the column in data.categories"))
  }

  private func shown(_ rows: CSVRows, _ column: Int) -> String {
    let text = rows.cell(column)
    return text.count > 40 ? text.prefix(40) + "…" : text
  }

  private func failure(_ rows: CSVRows, _ column: Int, _ what: String, remedy: String) -> FileError
  {
    rows.failure(what, remedy: remedy, column: column, named: names?[column])
  }
}
