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

  /// Columns by what they are for.
  struct Assignment {
    var inputs: [Int]
    /// What is known of each input's cells.
    var sorts: [CSVContents.Sort]
    var targets: [Int]
    var label: Int?
    var ignored: [Int] = []
  }

  /// As an experiment names them.
  func assign(_ columns: CSVColumns) throws(FileError) -> Assignment {
    let targets = try indices(of: columns.targets)
    let label = try columns.label.map { (name) throws(FileError) in try index(of: name) }
    let ignored = try indices(of: columns.ignored)
    let listed = try indices(of: columns.categories)
    let taken = targets + (label.map { [$0] } ?? []) + ignored
    if let twice = Dictionary(grouping: taken + listed, by: \.self).filter({ $0.value.count > 1 })
      .keys.min()
    {
      throw rows.failure(
        "is named for two purposes", remedy: "name each column once", column: twice,
        named: names?[twice])
    }
    let inputs = (0..<width).filter { !taken.contains($0) }
    if inputs.isEmpty {
      throw rows.failure(
        "no column is left for inputs", remedy: "name fewer as targets, label or ignored")
    }
    return Assignment(
      inputs: inputs, sorts: inputs.map { listed.contains($0) ? .categories : .open },
      targets: targets, label: label, ignored: ignored)
  }

  /// As a table that was trained on has them: by their names or, where that had none, by their
  /// indices.
  func assign(_ encoding: TableEncoding) throws(FileError) -> Assignment {
    func place(_ column: TableEncoding.Column) throws(FileError) -> Int {
      try index(of: column.name.map { CSVColumns.Name.name($0) } ?? .index(column.index))
    }
    return Assignment(
      inputs: try encoding.inputs.map { (input) throws(FileError) in try place(input.column) },
      sorts: encoding.inputs.map {
        $0.categories == nil ? .numbers : $0.isDeclared ? .categories : .words
      },
      targets: try encoding.targets.map(place), label: try encoding.label.map(place))
  }

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
