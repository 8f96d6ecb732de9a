import Files

/// A CSV file, read whole: numbers in Double, as exact as they are written, categories and classes.
///
/// What is not a target, the label or ignored is an input: a number, or one of some categories,
/// where its cells are words or the user says so. The file is read once and its numbers held in
/// memory; a table too large for that belongs in a .npy file, which is read as it is drawn. An
/// error names file, byte, line and column.
public struct CSVTable: Sendable {
  public let path: String
  /// From the header; nil without one.
  public let names: [String]?
  public let inputs: [Int]
  public let targets: [Int]
  public let label: Int?
  /// Columns that are not read.
  public let ignored: [Int]
  public private(set) var rowCount = 0
  /// The label column's distinct classes: in the order of their values if all cells are numbers, of
  /// which equal ones, such as 1 and 1.0, are one class, else of their bytes.
  public private(set) var classNames: [String] = []
  /// Each row's class.
  public private(set) var labels: [Int32] = []
  /// What is done about missing values.
  public let missing: MissingValues
  /// The distinct words of each input, and each one's place among them in order; empty for numbers.
  private(set) var categories: [(names: [String], places: [Int32])] = []
  /// What the cells of each input are.
  private(set) var sorts: [CSVContents.Sort] = []
  /// Each row's inputs, then its targets, in blocks of whole rows.
  private var blocks: [[Double]] = []
  private let rowsPerBlock: Int
  /// The row of the file, counted from 0 and without a header, that each row is; empty where none
  /// was dropped.
  private var places: [UInt32] = []
  let separator: UInt8
  /// What the user is to know of how the file was read.
  public private(set) var notes: [String] = []

  /// With an `encoding`, the columns are those of a table that was trained on, and what they become
  /// is decided already.
  /// - Throws: also where the numbers do not fit this machine's free memory, and where a category or
  ///   a class is none of those of `encoding`.
  public init(
    path: String, columns: CSVColumns = CSVColumns(), as encoding: TableEncoding? = nil
  ) throws(FileError) {
    let rows = try CSVRows(path: path, separator: columns.separator)
    (self.path, separator, missing) = (path, columns.separator, columns.missing)
    guard try rows.next() else {
      throw FileError(path, at: 0, "is empty", remedy: "give a CSV file with at least one row")
    }
    let width = rows.count
    let cells = (0..<width).map(rows.cell)
    let header = try CSVHeader(
      cells: cells, given: encoding.map(\.hasNames) ?? columns.header, path: path,
      separator: columns.separator)
    let hasHeader = header.isPresent
    names = hasHeader ? cells : nil
    if let note = header.note { notes.append(note) }

    let roles = ColumnRoles(rows, names: names)
    let assignment =
      if let encoding { try roles.assign(encoding) } else { try roles.assign(columns) }
    (inputs, targets, label) = (assignment.inputs, assignment.targets, assignment.label)
    ignored = assignment.ignored

    let numbers = inputs + targets
    rowsPerBlock = max(1, (1 << 17) / numbers.count)
    var contents = CSVContents(
      inputs: assignment.sorts, targets: targets.count, rule: missing, names: names)
    var block: [Double] = []
    var classes = DistinctWords()
    var rowsRead = 0
    var isRow = true
    if hasHeader { isRow = try rows.next() }
    while isRow {
      guard rows.count == width else {
        throw rows.failure(
          "\(cellsText(rows.count)), the first row has \(width)",
          remedy: "give every row the same number of cells")
      }
      if block.capacity == 0 {
        block.reserveCapacity(try Self.room(rowsPerBlock * numbers.count, rows))
      }
      var isComplete = true
      for (place, column) in numbers.enumerated() {
        if contents.sorts[place] == .numbers, let value = rows.withCell(column, number) {
          block.append(value)
        } else if let value = try contents.value(of: column, at: place, in: rows, row: rowsRead) {
          block.append(value)
        } else {
          block.append(.nan)
          isComplete = false
        }
      }
      if let label {
        let name = rows.cell(label)
        if name.isEmpty {
          guard missing == .drop else {
            throw rows.failure(
              "the class is missing", remedy: "fill it in, or set data.missing = \"drop\"",
              column: label, named: names?[label])
          }
          isComplete = false
        }
        if isComplete || missing != .drop { labels.append(classes.code(of: name)) }
        if classes.count > 1 << 16 {
          throw rows.failure(
            "more than 65536 classes", remedy: "name a column of numbers in targets instead",
            column: label, named: names?[label])
        }
      }
      if !isComplete && missing == .drop {
        if places.isEmpty { places = Array(0..<UInt32(rowCount)) }
        block.removeLast(numbers.count)
      } else {
        if rowCount < rowsRead { places.append(UInt32(rowsRead)) }
        rowCount += 1
        if rowCount % rowsPerBlock == 0 {
          blocks.append(block)
          block = []
        }
      }
      rowsRead += 1
      if rowsRead == Int(UInt32.max) {
        throw rows.failure("more rows than can be numbered", remedy: "divide the file")
      }
      isRow = try rows.next()
    }
    if !block.isEmpty { blocks.append(block) }
    guard rowsRead > 0 else {
      throw FileError(
        path, at: 0, "has a header and no rows",
        remedy: "give rows, or set data.header = false if line 1 is one")
    }
    guard rowCount > 0 else {
      throw FileError(
        path, "each of its \(rowsRead) rows lacks a value, so that all were left out",
        remedy: "set data.missing = \"mean\", or put columns that are often empty into data.ignore")
    }
    categories = contents.words.map { $0.ordered() }
    if label != nil {
      let order = classes.ordered()
      classNames = order.names
      labels = labels.map { order.places[Int($0)] }
    }
    sorts = contents.sorts
    noteMissing(contents.missing, dropped: rowsRead - rowCount, of: rowsRead)
    if let encoding { try adopt(encoding) }
  }

  /// A row's inputs, then its targets. A word is its number in order of appearance, a
  /// missing value NaN.
  public func withRow<Result>(_ row: Int, _ body: (UnsafeBufferPointer<Double>) -> Result) -> Result
  {
    let width = inputs.count + targets.count
    let start = row % rowsPerBlock * width
    return blocks[row / rowsPerBlock].withUnsafeBufferPointer {
      body(UnsafeBufferPointer(rebasing: $0[start..<start + width]))
    }
  }

  /// The row of the file that a row is, counted from 0 and without a header.
  func place(of row: Int) -> UInt32 { places.isEmpty ? UInt32(row) : places[row] }

  /// An error about a cell, which names its line: the file is read again up to there.
  func failure(row: Int, column: Int, _ what: String, remedy: String) -> FileError {
    do {
      let rows = try CSVRows(path: path, separator: separator)
      for _ in 0...Int(place(of: row)) + (names == nil ? 0 : 1) {
        guard try rows.next() else { break }
      }
      return rows.failure(
        what, remedy: remedy, column: min(column, rows.count - 1), named: names?[column])
    } catch {
      return error
    }
  }

  /// The classes of which no row is among some.
  func classes(missingIn rows: [UInt32]) -> [String] {
    var seen = [Bool](repeating: false, count: classNames.count)
    for row in rows { seen[Int(labels[Int(row)])] = true }
    return classNames.indices.filter { !seen[$0] }.map { classNames[$0] }
  }

  /// Gives classes the numbers that they have in an encoding, and refuses categories and classes that
  /// it lacks.
  private mutating func adopt(_ encoding: TableEncoding) throws(FileError) {
    let known = inputs.indices.map { place in
      encoding.inputs[place].categories == nil ? [] : places(of: encoding.inputs[place], at: place)
    }
    let classes = OrderedNames(encoding.classes)
    let numbers = classNames.map { classes[$0] ?? -1 }
    for row in 0..<rowCount {
      let wrong = withRow(row) { values in
        known.indices.first { place in
          !known[place].isEmpty && !values[place].isNaN && known[place][Int(values[place])] < 0
        }
      }
      if let wrong {
        throw failure(
          row: row, column: inputs[wrong], "no row trained on has this category",
          remedy: "leave the row out, or train on rows that have it")
      }
      guard let label else { continue }
      labels[row] = numbers[Int(labels[row])]
      if labels[row] < 0 {
        throw failure(
          row: row, column: label, "no row trained on has this class",
          remedy: "leave the row out, or train on rows that have it")
      }
    }
    if label != nil { classNames = encoding.classes }
  }

  private mutating func noteMissing(_ counts: [Int], dropped: Int, of total: Int) {
    if dropped > 0 {
      notes.append(
        "\(path): \(dropped) of \(total) rows lack a value and were left out (data.missing)")
    }
    guard missing == .mean, counts.contains(where: { $0 > 0 }) else { return }
    let columns = counts.indices.filter { counts[$0] > 0 }
    let shown = columns.prefix(8).map { input in
      "\(counts[input]) of \(names.map { "\"\($0[inputs[input]])\"" } ?? "column \(inputs[input])")"
    }
    notes.append(
      "\(path): \(counts.reduce(0, +)) missing values became the mean of the rows trained on: "
        + shown.joined(separator: ", ") + (columns.count > 8 ? ", …" : ""))
  }

  /// The numbers of a further block, if there is memory for them.
  private static func room(_ count: Int, _ rows: CSVRows) throws(FileError) -> Int {
    // The block, and its Float32 values when all are read.
    let needed = count * 12 + (64 << 20)
    guard let free = availableMemory(), free < needed else { return count }
    throw rows.failure(
      "the numbers up to here fill this machine's memory",
      remedy: "give the table as a .npy file (data.kind = \"npy\"), which is not held in memory")
  }
}

private func cellsText(_ count: Int) -> String { count == 1 ? "1 cell" : "\(count) cells" }
