import ExperimentKeys
import Files
import Vectors

/// `data.kind = "csv"`: a table of numbers and categories; see ``/Data/CSVTable``.
///
/// Columns named in `targets` are to be predicted, or the classes in the column `label`; with
/// neither, there are inputs alone, for clustering. Columns are named as in the header or by index,
/// counted from 0 and, where negative, from the end. A fraction `validation` of the rows, drawn by
/// the seed, is the test set, with 0 the training set itself; or it is another table,
/// `validation_path`.
public struct CSVKind: DataKind {
  public static let kind = "csv"
  public static let summary =
    "A table of numbers and categories, gzip too. A column of words, or one named in `data.categories`, is an input for each category, in the order of their values, that is 1 in its rows and else 0. The rows trained on decide which categories there are; a held-out row with another is an error."
  public let path: String
  public let columns: CSVColumns
  public let standardize: Bool
  public let validation: HeldOutData

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    path = try keys.path(
      needed: "path", example: "table.csv", missing: "data of kind csv needs the path of its file",
      "the file")
    var columns = CSVColumns()
    columns.targets = try keys.columns(
      "targets", "the columns to be predicted, named as in the header or by index, −1 the last")
    columns.label = try keys.column(
      "label",
      "or the column of classes: by value where all of its cells are numbers, so that 1 and 1.0 are one; a class that only held-out rows have is noted"
    )
    columns.ignored = try keys.columns("ignore", "columns left out")
    columns.categories = try keys.columns(
      "categories", "columns of categories whatever their cells are, such as numbers")
    columns.missing = try keys.choice(
      "missing", default: .error,
      "what to do about a missing value, an empty cell or NA, N/A, n/a, #N/A, <NA>, NaN, nan, NULL, null, None or ?: end with an error; mean, an input becomes its mean over the rows trained on, of a category how often it occurs there; drop, the row is left out. A note says how many there were. Targets and labels have no mean. In columns named in `data.categories` only empty cells are missing"
    )
    columns.header = try keys.boolean(
      optional: "header",
      "whether the first row has names; by default where none of its cells is a number, or where some column has numbers from there on only; what looks like names for another reason, such as years, is read as data with a note"
    )
    let separator = try keys.string(
      "separator", default: ",", "what is between cells: one of , ; | : and tab")
    guard separator.utf8.count == 1, let byte = separator.utf8.first, ",;|\t:".utf8.contains(byte)
    else {
      throw keys.error("separator", "wanted one of , ; | : and \\t")
    }
    columns.separator = byte
    if !columns.targets.isEmpty && columns.label != nil {
      throw keys.error("label", "a table has targets or a label, not both")
    }
    self.columns = columns
    standardize = try keys.boolean(
      "standardize", default: true,
      "inputs of numbers to mean 0 and deviation 1, by the training rows; those of categories stay")
    validation = try HeldOutData(
      &keys, part: "the part of the rows, drawn by the seed, that is held out for testing",
      file:
        "another table to test with, instead of a part: its columns are found by the names of the first, a category or class that no row trained on has is an error"
    )
  }

  public var files: [String] { [path] + (validation.path.map { [$0] } ?? []) }

  public func outline() -> SampleShape? {
    SampleShape(
      inputs: 1, labels: columns.label == nil ? 0 : 1, targets: columns.targets.count,
      classes: columns.label == nil ? 0 : 2)
  }

  public func open(seed: UInt64, on ranks: borrowing some DataContext & ~Copyable) throws
    -> TrainingData
  {
    let reads = ranks.readsForNode
    func read() throws -> (table: CSVTable, heldOut: TrainTestSplit, layout: Table.Layout) {
      let table = try CSVTable(path: path, columns: columns)
      let rows = table.rowCount
      guard rows > 1 || validation.fraction == 0 else {
        throw FileError(
          path, "has one row, which cannot be held out for testing",
          remedy: "give more rows, or set data.validation = 0")
      }
      let heldOut =
        validation.path == nil
        ? TrainTestSplit(of: rows, fraction: validation.fraction, seed: seed)
        : TrainTestSplit(all: rows)
      return (table, heldOut, try table.layout(heldOut, standardize: standardize))
    }
    // One rank of each node reads the file; all learn what its columns are.
    let mine = try ranks.succeedOnAllRanks { reads ? try read() : nil }
    let layout = try ranks.broadcast(json: mine?.layout)
    let memory = try ranks.sharedBytes(count: layout.byteCount, filler: 0)
    var notes: [String] = []
    // The agreement is also the barrier behind which the values may be read.
    try ranks.succeedOnAllRanks {
      guard memory.isFiller else { return }
      let (table, heldOut, own) = try mine ?? read()
      guard own == layout else { throw otherTable(path) }
      table.write(heldOut, into: memory.bytes, layout: layout)
      notes = table.notes + (table.missingClasses(heldOut).map { [$0] } ?? [])
    }
    func part(_ part: Table.Part) -> Table {
      Table(
        part, in: UnsafeRawBufferPointer(memory.bytes), keeping: memory, layout: layout, from: path)
    }
    guard let path = validation.path else {
      return TrainingData(train: part(.train), test: part(.test), notes: notes)
    }
    let (test, more) = try openTest(
      path, as: layout.encoding, part: 0, seed: seed, on: ranks)
    return TrainingData(train: part(.train), test: test, notes: notes + more)
  }

  public func openTest(
    as trained: TrainedInputs, all: Bool, seed: UInt64,
    on ranks: borrowing some DataContext & ~Copyable
  ) throws -> EvaluationData {
    guard let encoding = trained.encoding else {
      let data = try open(seed: seed, on: ranks)
      return EvaluationData(data.test, notes: data.notes)
    }
    let (table, notes) = try openTest(
      all ? path : validation.path ?? path, as: encoding, part: all ? 0 : validation.fraction,
      seed: seed, on: ranks)
    return EvaluationData(table, notes: notes)
  }

  /// Opens another table by the encoding of the one that was trained on: the `part` of its rows that
  /// the seed holds out, or with 0 all of them. Collective.
  private func openTest(
    _ path: String, as encoding: TableEncoding, part: Double, seed: UInt64,
    on ranks: borrowing some DataContext & ~Copyable
  ) throws -> (Table, notes: [String]) {
    let reads = ranks.readsForNode
    func read() throws(FileError) -> (table: CSVTable, rows: [UInt32]) {
      let table = try CSVTable(path: path, columns: columns, as: encoding)
      // A single row cannot be divided.
      let fraction = table.rowCount > 1 ? part : 0
      return (table, TrainTestSplit(of: table.rowCount, fraction: fraction, seed: seed).test)
    }
    let mine = try ranks.succeedOnAllRanks { reads ? try read() : nil }
    let layout = Table.Layout(
      encoding, trainRows: 0, testRows: Int(try ranks.broadcast([Int64(mine?.rows.count ?? 0)])[0]))
    let memory = try ranks.sharedBytes(count: layout.byteCount, filler: 0)
    var notes: [String] = []
    try ranks.succeedOnAllRanks {
      guard memory.isFiller else { return }
      let (table, rows) = try mine ?? read()
      guard rows.count == layout.testRows else { throw otherTable(path) }
      table.write(rows, into: memory.bytes, layout: layout)
      notes = table.notes
    }
    return (
      Table(
        .test, in: UnsafeRawBufferPointer(memory.bytes), keeping: memory, layout: layout, from: path
      ), notes
    )
  }

  private func otherTable(_ path: String) -> FileError {
    FileError(
      path, "is another table on this host than where rank 0 runs",
      remedy: "give the same file on every host")
  }
}

extension ExperimentReader {
  /// A column of a table, by name or index.
  mutating func column(_ key: String, _ help: String) throws(ExperimentError) -> CSVColumns.Name? {
    let form = KeyForm<CSVColumns.Name>(.mixed, wanted: "a column's name or index") {
      CSVColumns.Name($0)
    } write: {
      $0.text
    }
    return try value(optional: key, as: form, help)
  }

  /// Columns of a table, by name or index; one needs no brackets.
  mutating func columns(_ key: String, _ help: String) throws(ExperimentError) -> [CSVColumns.Name]
  {
    let form = KeyForm<[CSVColumns.Name]>(.list, wanted: "a list of columns' names or indices") {
      guard case .array(let items) = $0 else { return CSVColumns.Name($0).map { [$0] } }
      let columns = items.compactMap { CSVColumns.Name($0.value) }
      return columns.count == items.count ? columns : nil
    } write: {
      "[" + $0.map(\.text).joined(separator: ", ") + "]"
    }
    return try value(optional: key, as: form, help) ?? []
  }
}

extension CSVColumns.Name {
  fileprivate init?(_ value: TOMLTree.Value) {
    switch value {
    case .string(let name): self = .name(name)
    case .integer(let index): self = .index(index)
    default: return nil
    }
  }

  /// As TOML.
  fileprivate var text: String {
    switch self {
    case .name(let name): tomlString(name)
    case .index(let index): "\(index)"
    }
  }
}
