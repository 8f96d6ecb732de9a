import ExperimentKeys
import Files
import Vectors

/// `data.kind = "csv"`: a table of numbers; see ``/Data/CSVTable``.
///
/// Columns named in `targets` are to be predicted, or the classes in the column `label`; with
/// neither, there are inputs alone, for clustering. Columns are named as in the header or by index,
/// counted from 0 and, where negative, from the end. A fraction `validation` of the rows, drawn by
/// the seed, is the test set; with 0 that is the training set itself.
public struct CSVKind: DataKind {
  public static let kind = "csv"
  public static let summary = "A table of numbers, gzip too."
  public let path: String
  public let columns: CSVColumns
  public let standardize: Bool
  public let validation: Double

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
      "standardize", default: true, "inputs to mean 0 and deviation 1, by the training rows")
    validation = try keys.number(
      "validation", default: 0.1, wanted: "a fraction of at least 0 and below 1",
      "the part of the rows, drawn by the seed, that is held out for testing"
    ) { $0 >= 0 && $0 < 1 }
  }

  public var files: [String] { [path] }

  public func outline() -> SampleShape? {
    SampleShape(
      inputs: 1, labels: columns.label == nil ? 0 : 1, targets: columns.targets.count,
      classes: columns.label == nil ? 0 : 2)
  }

  public func open(seed: UInt64, on ranks: borrowing some DataContext & ~Copyable) throws
    -> TrainingData
  {
    let reads = ranks.readsForNode
    var table: CSVTable?
    func read() throws -> (table: CSVTable, heldOut: TrainTestSplit) {
      if table == nil { table = try CSVTable(path: path, columns: columns) }
      let rows = table!.rowCount
      guard rows > 1 || validation == 0 else {
        throw FileError(
          path, "has one row, which cannot be held out for testing",
          remedy: "give more rows, or set data.validation = 0")
      }
      return (table!, TrainTestSplit(of: rows, fraction: validation, seed: seed))
    }
    // One rank of each node reads the file; all learn the sizes.
    let sizes = try ranks.succeedOnAllRanks { () throws -> [Int64] in
      guard reads else { return [] }
      let (table, heldOut) = try read()
      let layout = table.layout(heldOut)
      return [layout.inputs, layout.targets, layout.classes, layout.trainRows, layout.testRows].map(
        Int64.init)
    }
    let known = try ranks.broadcast(sizes).map { Int($0) }
    let layout = Table.Layout(
      inputs: known[0], targets: known[1], classes: known[2], trainRows: known[3],
      testRows: known[4])
    let memory = try ranks.sharedBytes(count: layout.byteCount, filler: 0)
    var notes: [String] = []
    // The agreement is also the barrier behind which the values may be read.
    try ranks.succeedOnAllRanks {
      guard memory.isFiller else { return }
      let (table, heldOut) = try read()
      guard table.layout(heldOut) == layout else {
        throw FileError(
          path, "is another table on this host than where rank 0 runs",
          remedy: "give the same file on every host")
      }
      table.write(heldOut, into: memory.bytes, standardize: standardize)
      notes = table.notes + (table.missingClasses(heldOut).map { [$0] } ?? [])
    }
    let bytes = UnsafeRawBufferPointer(memory.bytes)
    // The same division as the one that was written, from its sizes alone.
    let rows = validation > 0 ? layout.trainRows + layout.testRows : layout.trainRows
    let heldOut = TrainTestSplit(of: rows, fraction: validation, seed: seed)
    func part(_ part: Table.Part, _ rows: [UInt32]) -> Table {
      Table(
        part, in: bytes, keeping: memory, layout: layout, from: Table.Origin(path: path, rows: rows)
      )
    }
    return TrainingData(
      train: part(.train, heldOut.train), test: part(.test, heldOut.test), notes: notes)
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
