import Files
import Vectors

/// Rows of numbers in memory: inputs, and targets or a class.
public struct Table: Dataset {
  /// How a table's values lie in memory: row by row the inputs, the targets and the label if there
  /// is one, 4 bytes each, the rows that are trained on before those that are held out.
  public struct Layout: Sendable, Equatable {
    public var inputs: Int
    public var targets: Int
    /// 0 where there are no labels.
    public var classes: Int
    public var trainRows: Int
    public var testRows: Int

    public init(inputs: Int, targets: Int, classes: Int, trainRows: Int, testRows: Int) {
      (self.inputs, self.targets, self.classes) = (inputs, targets, classes)
      (self.trainRows, self.testRows) = (trainRows, testRows)
    }

    /// Values in a row.
    var width: Int { inputs + targets + (classes > 0 ? 1 : 0) }
    public var byteCount: Int { (trainRows + testRows) * width * 4 }
  }

  public enum Part: Sendable { case train, test }

  public let count: Int
  public let shape: SampleShape
  private let width: Int
  // Nothing writes to the values once a data set exists, so ranks' threads may all read them.
  nonisolated(unsafe) private let rows: UnsafeRawPointer
  private let owner: any AnyObject & Sendable
  private let origin: Origin?

  /// What messages say of where values come from.
  public struct Origin: Sendable {
    let path: String
    /// The file's row of each sample, counted from 0 and without a header.
    let rows: [UInt32]

    public init(path: String, rows: [UInt32]) { (self.path, self.rows) = (path, rows) }
  }

  /// One part of the table that ``CSVTable`` has written, in this process or another; `owner` keeps
  /// the memory alive.
  public init(
    _ part: Part, in memory: UnsafeRawBufferPointer, keeping owner: any AnyObject & Sendable,
    layout: Layout, from origin: Origin? = nil
  ) {
    precondition(
      memory.count == layout.byteCount,
      "the table takes \(layout.byteCount) bytes, the memory has \(memory.count)")
    width = layout.width
    count = part == .train ? layout.trainRows : layout.testRows
    rows = memory.baseAddress! + (part == .train ? 0 : layout.trainRows * width * 4)
    shape = SampleShape(
      inputs: layout.inputs, labels: layout.classes > 0 ? 1 : 0, targets: layout.targets,
      classes: layout.classes)
    self.owner = owner
    self.origin = origin
  }

  public func refusal(of value: SampleValue, in sample: UInt32, _ what: String, remedy: String)
    -> FileError?
  {
    let name =
      switch value {
      case .input(let input): "input \(input)"
      case .target(let target): "target \(target)"
      }
    return origin.map {
      FileError(
        $0.path, "row \($0.rows[Int(sample)] + 1) of the data, \(name) (counted from 0): \(what)",
        remedy: remedy)
    }
  }

  public func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    for (place, sample) in samples.enumerated() {
      let row = rows + Int(sample) * width * 4
      let values = row.assumingMemoryBound(to: Float.self)
      (batch.inputs.baseAddress! + place * shape.inputs).update(from: values, count: shape.inputs)
      (batch.targets.baseAddress! + place * shape.targets).update(
        from: values + shape.inputs, count: shape.targets)
      if shape.labels > 0 {
        batch.labels[place] = row.load(fromByteOffset: (width - 1) * 4, as: Int32.self)
      }
    }
  }
}

extension CSVTable {
  /// A note where no row trained on has some class; nil where each has one.
  public func missingClasses(_ heldOut: TrainTestSplit) -> String? {
    label.flatMap { _ in missingClassesNote(classes(missingIn: heldOut.train), in: path) }
  }

  public func layout(_ heldOut: TrainTestSplit) -> Table.Layout {
    Table.Layout(
      inputs: inputs.count, targets: targets.count, classes: classNames.count,
      trainRows: heldOut.train.count, testRows: heldOut.test.count)
  }

  /// Writes the rows as ``Table`` reads them. `standardize` brings each input to mean 0 and
  /// deviation 1 over the rows trained on, reckoned in Double (the deviation divides by the number
  /// of rows, as scikit-learn's `StandardScaler` does); a constant input becomes 0.
  public func write(
    _ heldOut: TrainTestSplit, into memory: UnsafeMutableRawBufferPointer, standardize: Bool
  ) {
    let layout = layout(heldOut)
    precondition(
      memory.count == layout.byteCount,
      "the table takes \(layout.byteCount) bytes, the memory has \(memory.count)")
    let scales =
      standardize ? scales(over: heldOut.train) : inputs.map { _ in (mean: 0, deviation: 1) }
    var place = memory.baseAddress!
    for row in [heldOut.train, heldOut.test].joined() {
      withRow(Int(row)) { values in
        for (column, value) in values.enumerated() {
          let scaled =
            column < inputs.count ? (value - scales[column].mean) / scales[column].deviation : value
          place.storeBytes(of: Float(scaled), as: Float.self)
          place += 4
        }
      }
      if layout.classes > 0 {
        place.storeBytes(of: labels[Int(row)], as: Int32.self)
        place += 4
      }
    }
  }

  /// Each input's mean and deviation over some rows, in two passes.
  private func scales(over rows: [UInt32]) -> [(mean: Double, deviation: Double)] {
    func means(of term: (Int, Double) -> Double) -> [Double] {
      var sums = [Double](repeating: 0, count: inputs.count)
      for row in rows {
        withRow(Int(row)) { values in
          for column in sums.indices { sums[column] += term(column, values[column]) }
        }
      }
      return sums.map { $0 / Double(rows.count) }
    }
    let mean = means { $1 }
    let variance = means { ($1 - mean[$0]) * ($1 - mean[$0]) }
    // The mean of equal values may be off by its rounding; a deviation of that size is none.
    return zip(mean, variance).map {
      (mean: $0, deviation: $1.squareRoot() <= 1e-14 * abs($0) ? 1 : $1.squareRoot())
    }
  }
}
