import Vectors

/// How the columns of a table become a model's inputs, targets and classes: what is needed to give
/// a trained model the rows of another table.
public struct TableEncoding: Codable, Sendable, Equatable {
  /// A column of the file.
  public struct Column: Codable, Sendable, Equatable {
    /// As the header names it; nil without a header.
    public var name: String?
    /// Counted from 0.
    public var index: Int

    public init(name: String? = nil, index: Int) { (self.name, self.index) = (name, index) }
  }

  /// A column that the model reads: one input where it has numbers, else one for each category.
  public struct Input: Codable, Sendable, Equatable {
    public var column: Column
    /// The categories, in order; the input of a row's category is 1, the others are 0. Nil where
    /// the column has numbers.
    public var categories: [String]?
    /// Whether the user said that the column has categories: then only empty cells are missing.
    public var isDeclared: Bool
    /// What its inputs are in rows whose value is missing: the mean over the rows trained on, of
    /// categories how often each occurs among them.
    public var means: [Double]
    /// An input of numbers is (number − ``offset``) / ``scale``; one of categories is as it is.
    public var offset: Double
    public var scale: Double

    public init(
      column: Column, categories: [String]? = nil, isDeclared: Bool = false, means: [Double],
      offset: Double = 0, scale: Double = 1
    ) {
      (self.column, self.categories, self.isDeclared) = (column, categories, isDeclared)
      (self.means, self.offset, self.scale) = (means, offset, scale)
    }
  }

  public var inputs: [Input]
  public var targets: [Column]
  public var label: Column?
  /// Columns that are not read.
  public var ignored: [Column]
  /// The classes' names, in the order of their numbers.
  public var classes: [String]
  /// What is done about missing values.
  public var missing: MissingValues
  /// What is between cells.
  public var separator: String

  public init(
    inputs: [Input], targets: [Column] = [], label: Column? = nil, ignored: [Column] = [],
    classes: [String] = [], missing: MissingValues = .error, separator: String = ","
  ) {
    (self.inputs, self.targets, self.label, self.ignored) = (inputs, targets, label, ignored)
    (self.classes, self.missing, self.separator) = (classes, missing, separator)
  }

  /// Whether the columns have names, from a header.
  public var hasNames: Bool { inputs.allSatisfy { $0.column.name != nil } }

  /// What one sample holds.
  public var shape: SampleShape {
    SampleShape(
      inputs: inputs.reduce(0) { $0 + $1.means.count }, labels: label == nil ? 0 : 1,
      targets: targets.count, classes: classes.count)
  }

  /// The column and, of categories, the category that an input of a sample is for.
  func name(ofInput index: Int) -> String {
    var first = 0
    for input in inputs {
      if index < first + input.means.count {
        return input.column.text + (input.categories.map { " = \"\($0[index - first])\"" } ?? "")
      }
      first += input.means.count
    }
    return "input \(index)"
  }

  /// Whether it can be that of samples of a shape.
  package func isPossible(for samples: SampleShape) -> Bool {
    inputs.allSatisfy { input in
      input.means.count == input.categories?.count ?? 1
        && input.scale > 0 && (input.means + [input.offset, input.scale]).allSatisfy(\.isFinite)
    } && shape == samples && (label == nil) == classes.isEmpty && separator.utf8.count == 1
      && columns.allSatisfy { $0.index >= 0 && $0.index < CSVRows.mostColumns }
      && Set(columns.map(\.index)).count == columns.count
  }

  /// All columns that it knows.
  var columns: [Column] { inputs.map(\.column) + targets + (label.map { [$0] } ?? []) + ignored }
}

extension TableEncoding {
  /// Files of earlier versions lack what was added since.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    inputs = try fields.decode([Input].self, forKey: .inputs)
    targets = try fields.decode([Column].self, forKey: .targets)
    label = try fields.decodeIfPresent(Column.self, forKey: .label)
    ignored = try fields.decodeIfPresent([Column].self, forKey: .ignored) ?? []
    classes = try fields.decode([String].self, forKey: .classes)
    missing = try fields.decode(MissingValues.self, forKey: .missing)
    separator = try fields.decodeIfPresent(String.self, forKey: .separator) ?? ","
  }
}

extension TableEncoding.Input {
  /// Files of earlier versions lack what was added since.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    column = try fields.decode(TableEncoding.Column.self, forKey: .column)
    categories = try fields.decodeIfPresent([String].self, forKey: .categories)
    isDeclared = try fields.decodeIfPresent(Bool.self, forKey: .isDeclared) ?? false
    means = try fields.decode([Double].self, forKey: .means)
    offset = try fields.decode(Double.self, forKey: .offset)
    scale = try fields.decode(Double.self, forKey: .scale)
  }
}

extension TableEncoding.Column {
  /// As messages name it.
  var text: String { name.map { "column \"\($0)\"" } ?? "column \(index) (counted from 0)" }
}
