import Files

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
  /// Inputs that are categories whatever their cells are, such as numbers.
  public var categories: [Name]
  /// What happens to rows with a missing value.
  public var missing: MissingValues
  /// Whether the first row holds names; nil for finding out (`CSVHeader`).
  public var header: Bool?
  public var separator: UInt8

  public init(
    targets: [Name] = [], label: Name? = nil, ignored: [Name] = [], categories: [Name] = [],
    missing: MissingValues = .error, header: Bool? = nil, separator: UInt8 = UInt8(ascii: ",")
  ) {
    (self.targets, self.label, self.ignored) = (targets, label, ignored)
    (self.categories, self.missing) = (categories, missing)
    (self.header, self.separator) = (header, separator)
  }
}

/// What happens to a row that lacks a value: one whose cell is empty or has one of the words by
/// which programs say so, such as NA and NaN.
public enum MissingValues: String, CaseIterable, Sendable, Codable {
  /// It ends the run.
  case error
  /// An input becomes the mean of those trained on; of a category, how often each occurs among
  /// them. A target or a class has to be there.
  case mean
  /// The row is left out.
  case drop
}

/// Which column of a table a name or an index means.
struct ColumnRoles {
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
