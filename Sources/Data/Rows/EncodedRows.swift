import Files
import Vectors

/// The rows of a CSV file as inputs of a model that was trained on another, by that one's encoding.
///
/// Columns are found by their names, in any order; those of targets and label may be there, and are
/// not read. A missing value becomes what it became in training; a row that training left out for
/// it is ``incomplete``.
final class EncodedRows: InputRows {
  private let rows: CSVRows
  private let width: Int
  private let inputs: [Input]
  private let missing: MissingValues
  private(set) var incomplete: [Int] = []
  /// Whether the row that ``rows`` is at has not been taken yet.
  private var isAhead: Bool

  /// One column of the file.
  private struct Input {
    let column: Int
    let encoding: TableEncoding.Input
    /// The places of the categories; nil for numbers.
    let categories: OrderedNames?
    let means: [Float]
  }

  /// - Throws: an ``UnfitInput`` where a column is missing or one is unknown.
  init(path: String, encoding: TableEncoding) throws {
    rows = try CSVRows(path: path, separator: encoding.separator.utf8.first!)
    guard try rows.next() else {
      throw FileError(path, at: 0, "is empty", remedy: "give a CSV file with at least one row")
    }
    width = rows.count
    let places = try ColumnPlaces(
      path, cells: (0..<width).map(rows.cell), encoding: encoding
    ).inputs
    inputs = zip(encoding.inputs, places).map { input, column in
      Input(
        column: column, encoding: input, categories: input.categories.map(OrderedNames.init),
        means: input.categories == nil
          ? [Float((input.means[0] - input.offset) / input.scale)] : input.means.map { Float($0) })
    }
    missing = encoding.missing
    isAhead = !encoding.hasNames
  }

  var count: Int? { nil }

  func read(into batch: inout Batch) throws(FileError) {
    batch.count = 0
    incomplete = []
    while batch.count < batch.capacity {
      if isAhead { isAhead = false } else if try !rows.next() { return }
      guard rows.count == width else {
        throw rows.failure(
          "\(rows.count) cells, the first row has \(width)",
          remedy: "give every row the same number of cells")
      }
      var values = batch.inputs.baseAddress! + batch.count * batch.shape.inputs
      var isComplete = true
      for input in inputs {
        if try !enter(input, into: values) { isComplete = false }
        values += input.means.count
      }
      if !isComplete && missing == .drop { incomplete.append(batch.count) }
      batch.count += 1
    }
  }

  /// Writes the inputs that a cell is; false where its value is missing, and they are the means.
  private func enter(_ input: Input, into values: UnsafeMutablePointer<Float>) throws(FileError)
    -> Bool
  {
    let isAbsent =
      input.encoding.isDeclared
      ? rows.withCell(input.column) { $0.isEmpty } : rows.withCell(input.column, isMissing)
    if isAbsent {
      guard missing != .error else {
        throw failure(
          input, "the value is missing",
          remedy: "fill it in, or train with data.missing = \"mean\" or \"drop\"")
      }
      values.update(from: input.means, count: input.means.count)
      return false
    }
    if let categories = input.categories {
      guard let place = categories[rows.cell(input.column)] else {
        throw failure(
          input, "no row trained on has the category \"\(shown(input))\"",
          remedy: "correct it, leave the row out, or train on rows that have it")
      }
      values.update(repeating: 0, count: input.means.count)
      values[Int(place)] = 1
      return true
    }
    switch rows.withCell(input.column, parseNumber) {
    case .value(let value):
      values[0] = Float((value - input.encoding.offset) / input.encoding.scale)
      return true
    case .large:
      throw failure(
        input, "\(shown(input)) is too large for Float32", remedy: "correct it")
    default:
      throw failure(
        input, "\"\(shown(input))\" is not a number, which the rows trained on have here",
        remedy: "correct it, or leave the row out")
    }
  }

  private func shown(_ input: Input) -> String {
    let text = rows.cell(input.column)
    return text.count > 40 ? text.prefix(40) + "…" : text
  }

  private func failure(_ input: Input, _ what: String, remedy: String) -> FileError {
    rows.failure(
      what, remedy: remedy, column: input.column, named: input.encoding.column.name)
  }
}
