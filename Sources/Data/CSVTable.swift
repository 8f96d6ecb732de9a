import Files
import Glibc

/// The columns of a CSV file by what they are for, as an experiment names them.
public struct CSVColumns: Sendable, Equatable {
  public enum Name: Sendable, Equatable {
    case name(String)
    /// Counted from 0; from the end, −1 being the last, where negative.
    case index(Int)
  }

  /// What a regression is to predict.
  public var targets: [Name]
  /// The class column.
  public var label: Name?
  /// Columns that are not read as numbers and not used.
  public var ignored: [Name]
  /// Whether the first row holds names; nil for finding out (`CSVHeader`).
  public var header: Bool?
  public var separator: UInt8

  public init(
    targets: [Name] = [], label: Name? = nil, ignored: [Name] = [], header: Bool? = nil,
    separator: UInt8 = UInt8(ascii: ",")
  ) {
    (self.targets, self.label, self.ignored, self.header, self.separator) = (
      targets, label, ignored, header, separator
    )
  }
}

/// A CSV file, read whole: numbers in Double, as exact as they are written, and classes.
///
/// What is not a target, the label or ignored is an input. The file is read once and its numbers
/// held in memory; a table too large for that belongs in a .npy file, which is read as it is drawn.
/// An error names file, byte, line and column.
public struct CSVTable: Sendable {
  public let path: String
  /// From the header; nil without one.
  public let names: [String]?
  public let inputs: [Int]
  public let targets: [Int]
  public let label: Int?
  public private(set) var rowCount = 0
  /// The label column's distinct classes: in the order of their values if all cells are numbers, of
  /// which equal ones, such as 1 and 1.0, are one class, else of their bytes.
  public private(set) var classNames: [String] = []
  /// Each row's class.
  public private(set) var labels: [Int32] = []
  /// Each row's inputs and, behind them, targets, in blocks of whole rows.
  private var blocks: [[Double]] = []
  private let rowsPerBlock: Int
  /// What the user is to know of how the file was read.
  public private(set) var notes: [String] = []

  /// - Throws: also where the numbers do not fit this machine's free memory.
  public init(path: String, columns: CSVColumns = CSVColumns()) throws(FileError) {
    let rows = try CSVRows(path: path, separator: columns.separator)
    self.path = path
    guard try rows.next() else {
      throw FileError(path, at: 0, "is empty", remedy: "give a CSV file with at least one row")
    }
    let width = rows.count
    let cells = (0..<width).map(rows.cell)
    let header = try CSVHeader(
      cells: cells, given: columns.header, path: path, separator: columns.separator)
    let hasHeader = header.isPresent
    names = hasHeader ? cells : nil
    if let note = header.note { notes.append(note) }

    let roles = ColumnRoles(rows, names: names)
    targets = try roles.indices(of: columns.targets)
    label = try columns.label.map { (name) throws(FileError) in try roles.index(of: name) }
    let ignored = try roles.indices(of: columns.ignored)
    let taken = targets + (label.map { [$0] } ?? []) + ignored
    if let twice = Dictionary(grouping: taken, by: \.self).filter({ $0.value.count > 1 }).keys.min()
    {
      throw rows.failure(
        "is named for two purposes", remedy: "name each column once", column: twice,
        named: names?[twice])
    }
    inputs = (0..<width).filter { !taken.contains($0) }
    if inputs.isEmpty {
      throw rows.failure(
        "no column is left for inputs", remedy: "name fewer as targets, label or ignored")
    }

    let numbers = inputs + targets
    rowsPerBlock = max(1, (1 << 17) / numbers.count)
    var block: [Double] = []
    var classes: [String: Int32] = [:]
    var isRow = true
    if hasHeader { isRow = try rows.next() }
    while isRow {
      guard rows.count == width else {
        throw rows.failure(
          "\(cellsText(rows.count)), the first row has \(width)",
          remedy: "give every row the same number of cells")
      }
      if block.isEmpty { block.reserveCapacity(try Self.room(rowsPerBlock * numbers.count, rows)) }
      for column in numbers {
        guard let value = rows.withCell(column, number) else {
          throw wrongNumber(rows, column, isFirst: rowCount == 0 && !hasHeader)
        }
        block.append(value)
      }
      if let label {
        let name = rows.cell(label)
        if name.isEmpty {
          throw rows.failure(
            "the class is missing", remedy: "fill it in", column: label, named: names?[label])
        }
        let next = Int32(classes.count)
        labels.append(classes[name, default: next])
        if labels[rowCount] == next { classes[name] = next }
        if classes.count > 1 << 16 {
          throw rows.failure(
            "more than 65536 classes", remedy: "name a column of numbers in targets instead",
            column: label, named: names?[label])
        }
      }
      rowCount += 1
      if rowCount % rowsPerBlock == 0 {
        blocks.append(block)
        block = []
      }
      if rowCount == Int(UInt32.max) {
        throw rows.failure("more rows than can be numbered", remedy: "divide the file")
      }
      isRow = try rows.next()
    }
    if !block.isEmpty { blocks.append(block) }
    guard rowCount > 0 else {
      throw FileError(
        path, at: 0, "has a header and no rows",
        remedy: "give rows, or set data.header = false if line 1 is one")
    }
    orderClasses(classes)
  }

  /// A row's inputs and, behind them, targets.
  public func withRow<Result>(_ row: Int, _ body: (UnsafeBufferPointer<Double>) -> Result) -> Result
  {
    let width = inputs.count + targets.count
    let start = row % rowsPerBlock * width
    return blocks[row / rowsPerBlock].withUnsafeBufferPointer {
      body(UnsafeBufferPointer(rebasing: $0[start..<start + width]))
    }
  }

  /// Gives the classes, numbered as they came, the numbers of their order.
  private mutating func orderClasses(_ classes: [String: Int32]) {
    guard label != nil else { return }
    var order = [Int32](repeating: 0, count: classes.count)
    let values = classes.keys.compactMap { text in number(text).map { (text: text, value: $0) } }
    if values.count < classes.count {
      classNames = classes.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      for (index, name) in classNames.enumerated() { order[Int(classes[name]!)] = Int32(index) }
    } else {
      // Of a value that is written in several ways the shortest comes first, and names the class.
      var last: Double?
      for (text, value) in values.sorted(by: {
        ($0.value, $0.text.utf8.count, $0.text) < ($1.value, $1.text.utf8.count, $1.text)
      }) {
        if value != last { classNames.append(text) }
        last = value
        order[Int(classes[text]!)] = Int32(classNames.count - 1)
      }
    }
    labels = labels.map { order[Int($0)] }
  }

  /// The classes of which no row is among some.
  func classes(missingIn rows: [UInt32]) -> [String] {
    var seen = [Bool](repeating: false, count: classNames.count)
    for row in rows { seen[Int(labels[Int(row)])] = true }
    return classNames.indices.filter { !seen[$0] }.map { classNames[$0] }
  }

  private func wrongNumber(_ rows: CSVRows, _ column: Int, isFirst: Bool) -> FileError {
    let text = rows.cell(column)
    let shown = text.count > 40 ? text.prefix(40) + "…" : text[...]
    let what =
      switch rows.withCell(column, parse) {
      case .missing: "the value is missing"
      case .large: "\(shown) is too large for Float32"
      default: "\"\(shown)\" is not a number"
      }
    let remedy =
      isFirst
      ? "if line 1 holds names, set data.header = true"
      : "fill it in, or leave the row out; a column of other things goes into data.ignore"
    return rows.failure(what, remedy: remedy, column: column, named: names?[column])
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

/// Which column of a table a name or an index means.
private struct ColumnRoles {
  let rows: CSVRows
  let names: [String]?
  var width: Int { rows.count }

  init(_ rows: CSVRows, names: [String]?) { (self.rows, self.names) = (rows, names) }

  func indices(of columns: [CSVColumns.Name]) throws(FileError) -> [Int] {
    try columns.map { (name) throws(FileError) in try index(of: name) }
  }

  func index(of column: CSVColumns.Name) throws(FileError) -> Int {
    switch column {
    case .index(let index):
      let found = index < 0 ? width + index : index
      guard (0..<width).contains(found) else {
        throw rows.failure(
          "there is no column \(index)", remedy: "name one of 0 to \(width - 1), or -1 for the last"
        )
      }
      return found
    case .name(let name):
      guard let names else {
        throw rows.failure(
          "the file has no header, so that no column is called \"\(name)\"",
          remedy:
            "name columns by index, counted from 0, or set data.header = true if line 1 holds names"
        )
      }
      let places = names.indices.filter { names[$0] == name }
      guard let place = places.first else {
        let near = nearest(name, among: names).map { "did you mean \"\($0)\"?" }
        let known = names.prefix(12).joined(separator: ", ") + (names.count > 12 ? ", …" : "")
        throw rows.failure("there is no column \"\(name)\"", remedy: near ?? "there are \(known)")
      }
      guard places.count == 1 else {
        throw rows.failure(
          "\(places.count) columns are called \"\(name)\"",
          remedy: "name it by index: \(places[0]) or \(places[1])")
      }
      return place
    }
  }
}

private func cellsText(_ count: Int) -> String { count == 1 ? "1 cell" : "\(count) cells" }

private enum Parsed {
  case value(Double)
  case missing, wrong, large
}

/// Decimal notation and nothing else: no "nan", "inf" or hexadecimal, which `strtod` would take. A
/// NUL follows the cell.
private func parse(_ cell: UnsafeBufferPointer<UInt8>) -> Parsed {
  guard !cell.isEmpty else { return .missing }
  for byte in cell {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"),
      UInt8(ascii: "."), UInt8(ascii: "e"),
      UInt8(ascii: "E"):
      continue
    default: return .wrong
    }
  }
  return cell.withMemoryRebound(to: CChar.self) { text in
    var end: UnsafeMutablePointer<CChar>?
    let value = strtod(text.baseAddress!, &end)
    guard end == UnsafeMutablePointer(mutating: text.baseAddress! + text.count) else {
      return .wrong
    }
    return abs(value) <= Double(Float.greatestFiniteMagnitude) ? .value(value) : .large
  }
}

func number(_ cell: UnsafeBufferPointer<UInt8>) -> Double? {
  guard case .value(let value) = parse(cell) else { return nil }
  return value
}

func number(_ text: String) -> Double? {
  var text = text + "\0"
  return text.withUTF8 { number(UnsafeBufferPointer(rebasing: $0.dropLast())) }
}

/// Bytes that programs can still take on this machine, as the kernel estimates them.
private func availableMemory() -> Int? {
  guard let file = fopen("/proc/meminfo", "r") else { return nil }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 128)
  while fgets(&line, Int32(line.count), file) != nil {
    let words = line.prefix { $0 != 0 }.split(separator: CChar(UInt8(ascii: " ")))
    let key = words.first.map { String(decoding: $0.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
    if key == "MemAvailable:", words.count > 1 {
      return Int(String(decoding: words[1].map { UInt8(bitPattern: $0) }, as: UTF8.self)).map {
        $0 << 10
      }
    }
  }
  return nil
}
