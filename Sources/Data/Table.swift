import Files
import Vectors

/// Rows of numbers in memory: inputs, and targets or a class.
public struct Table: Dataset {
  /// How a table's values lie in memory, 4 bytes each: row by row the inputs' columns, a category
  /// by its number, the targets, the label if there is one, and the file's row, the rows that are
  /// trained on before those that are held out.
  public struct Layout: Codable, Sendable, Equatable {
    public var encoding: TableEncoding
    public var trainRows: Int
    public var testRows: Int

    public init(_ encoding: TableEncoding, trainRows: Int, testRows: Int) {
      (self.encoding, self.trainRows, self.testRows) = (encoding, trainRows, testRows)
    }

    /// Values in a row.
    var width: Int {
      encoding.inputs.count + encoding.targets.count + (encoding.label == nil ? 1 : 2)
    }
    public var byteCount: Int { (trainRows + testRows) * width * 4 }
  }

  public enum Part: Sendable { case train, test }

  public let count: Int
  public let shape: SampleShape
  /// What each column became.
  public let encoding: TableEncoding
  private let width: Int
  private let pieces: [Piece]
  /// What the inputs of missing categories are, one after the other.
  private let means: [Float]
  // Nothing writes to the values once a data set exists, so ranks' threads may all read them.
  nonisolated(unsafe) private let rows: UnsafeRawPointer
  private let owner: any AnyObject & Sendable
  private let path: String?

  /// Inputs that are read in one go: neighbouring columns of numbers, or one of categories.
  private struct Piece {
    var count: Int
    /// Where the means of a column of categories begin; −1 for numbers.
    var means: Int
  }

  /// One part of the table that ``CSVTable`` has written, in this process or another; `owner` keeps
  /// the memory alive. `path` is that of the file, for messages.
  public init(
    _ part: Part, in memory: UnsafeRawBufferPointer, keeping owner: any AnyObject & Sendable,
    layout: Layout, from path: String? = nil
  ) {
    precondition(
      memory.count == layout.byteCount,
      "the table takes \(layout.byteCount) bytes, the memory has \(memory.count)")
    encoding = layout.encoding
    width = layout.width
    count = part == .train ? layout.trainRows : layout.testRows
    rows = memory.baseAddress! + (part == .train ? 0 : layout.trainRows * width * 4)
    shape = encoding.shape
    var (pieces, means): ([Piece], [Float]) = ([], [])
    for input in encoding.inputs {
      if input.categories != nil {
        pieces.append(Piece(count: input.means.count, means: means.count))
        means += input.means.map { Float($0) }
      } else if let last = pieces.last, last.means < 0 {
        pieces[pieces.count - 1].count += 1
      } else {
        pieces.append(Piece(count: 1, means: -1))
      }
    }
    (self.pieces, self.means) = (pieces, means)
    (self.owner, self.path) = (owner, path)
  }

  public var classNames: [String] { encoding.classes }

  public func refusal(of value: SampleValue, in sample: UInt32, _ what: String, remedy: String)
    -> FileError?
  {
    let name =
      switch value {
      case .input(let input): encoding.name(ofInput: input)
      case .target(let target): encoding.targets[target].text
      }
    let row = rows.load(fromByteOffset: ((Int(sample) + 1) * width - 1) * 4, as: UInt32.self)
    return path.map {
      FileError($0, "row \(row + 1) of the data, \(name): \(what)", remedy: remedy)
    }
  }

  public func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    for (place, sample) in samples.enumerated() {
      let row = rows + Int(sample) * width * 4
      var values = row.assumingMemoryBound(to: Float.self)
      var inputs = batch.inputs.baseAddress! + place * shape.inputs
      for piece in pieces {
        if piece.means < 0 {
          inputs.update(from: values, count: piece.count)
          values += piece.count
        } else {
          enter(UnsafeRawPointer(values).load(as: Int32.self), of: piece, into: inputs)
          values += 1
        }
        inputs += piece.count
      }
      (batch.targets.baseAddress! + place * shape.targets).update(
        from: values, count: shape.targets)
      if shape.labels > 0 {
        batch.labels[place] = row.load(fromByteOffset: (width - 2) * 4, as: Int32.self)
      }
    }
  }

  /// Writes the inputs of a category, by its number; −1 is one that is missing.
  private func enter(_ category: Int32, of piece: Piece, into inputs: UnsafeMutablePointer<Float>) {
    guard category >= 0 else {
      for index in 0..<piece.count { inputs[index] = means[piece.means + index] }
      return
    }
    inputs.update(repeating: 0, count: piece.count)
    inputs[Int(category)] = 1
  }
}

extension CSVTable {
  /// A note where no row trained on has some class; nil where each has one.
  public func missingClasses(_ heldOut: TrainTestSplit) -> String? {
    label.flatMap { _ in missingClassesNote(classes(missingIn: heldOut.train), in: path) }
  }

  /// The table's layout in memory; see ``encoding(_:standardize:)``.
  public func layout(_ heldOut: TrainTestSplit, standardize: Bool) throws(FileError)
    -> Table.Layout
  {
    Table.Layout(
      try encoding(heldOut, standardize: standardize), trainRows: heldOut.train.count,
      testRows: heldOut.test.count)
  }

  /// Writes the rows as ``Table`` reads them.
  public func write(
    _ heldOut: TrainTestSplit, into memory: UnsafeMutableRawBufferPointer, layout: Table.Layout
  ) {
    write([heldOut.train, heldOut.test].joined(), into: memory, layout: layout)
  }

  /// Writes some rows, such as all of a table that was read by the encoding of another.
  public func write(
    _ rows: some Sequence<UInt32>, into memory: UnsafeMutableRawBufferPointer,
    layout: Table.Layout
  ) {
    precondition(
      memory.count == layout.byteCount,
      "the table takes \(layout.byteCount) bytes, the memory has \(memory.count)")
    let known = layout.encoding.inputs
    let categories = known.enumerated().map { place, input in
      input.categories == nil ? nil : places(of: input, at: place)
    }
    let (means, offsets, scales) = (
      known.map { $0.means[0] }, known.map(\.offset), known.map(\.scale)
    )
    var place = memory.baseAddress!
    func enter(_ value: some BitwiseCopyable) {
      place.storeBytes(of: value, as: type(of: value))
      place += 4
    }
    for row in rows {
      withRow(Int(row)) { values in
        for (column, value) in values.enumerated() {
          if column >= inputs.count {
            enter(Float(value))
          } else if let places = categories[column] {
            enter(value.isNaN ? -1 : places[Int(value)])
          } else {
            enter(Float(((value.isNaN ? means[column] : value) - offsets[column]) / scales[column]))
          }
        }
      }
      if label != nil { enter(labels[Int(row)]) }
      enter(self.place(of: Int(row)))
    }
  }
}
