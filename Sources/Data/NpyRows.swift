import Files
import Vectors

/// Rows of NumPy arrays, read from their files as they are drawn: inputs, and targets or labels
/// from arrays of their own.
///
/// Floating-point numbers and integers are taken as they are; unsigned bytes are pixels as inputs,
/// and become value ÷ 255, but as targets are numbers like others. An input of shape [N, H, W] or
/// [N, C, H, W] is an image.
public struct NpyRows: Dataset {
  public let count: Int
  public let shape: SampleShape
  private let inputs: NpyFile
  private let targets: NpyFile?
  private let labels: NpyFile?
  /// The rows of the files that are this set's samples.
  private let rows: [UInt32]

  /// All rows of arrays whose numbers of rows are equal; a pass over the labels finds out how many
  /// classes there are: the largest plus one.
  public init(inputs: NpyFile, targets: NpyFile? = nil, labels: NpyFile? = nil) throws(FileError) {
    (self.inputs, self.targets, self.labels) = (inputs, targets, labels)
    for other in [targets, labels].compactMap({ $0 }) where other.rowCount != inputs.rowCount {
      throw other.content.failure(
        "has \(other.rowCount) rows, \(inputs.content.name) has \(inputs.rowCount)",
        remedy: "give arrays of the same number of rows")
    }
    if let labels {
      guard labels.element.isInteger, labels.width == 1 else {
        throw labels.content.failure(
          "holds \(labels.element.rawValue) of shape \(labels.shape), labels are one whole number a row",
          remedy: "save them as |u1, <i4 or <i8")
      }
    }
    count = inputs.rowCount
    rows = Array(0..<UInt32(count))
    let dimensions = inputs.shape.dropFirst()
    var image: SampleShape.Image?
    if dimensions.count == 2 {
      image = SampleShape.Image(height: dimensions[1], width: dimensions[2])
    }
    if dimensions.count == 3 {
      image = SampleShape.Image(
        channels: dimensions[1], height: dimensions[2], width: dimensions[3])
    }
    shape = SampleShape(
      inputs: inputs.width, labels: labels == nil ? 0 : 1, targets: targets?.width ?? 0,
      classes: try labels.map(Self.classes) ?? 0,
      image: image)
  }

  private init(_ whole: NpyRows, rows: [UInt32]) {
    (inputs, targets, labels, shape) = (whole.inputs, whole.targets, whole.labels, whole.shape)
    (self.rows, count) = (rows, rows.count)
  }

  /// The file of the labels, as messages name it.
  var labelsName: String? { labels?.content.name }

  public var waitsForFiles: Bool {
    [inputs, targets, labels].contains { $0?.content.isFile == true }
  }

  /// Some of this set's samples, as a set of their own.
  public subscript(samples: [UInt32]) -> NpyRows {
    NpyRows(self, rows: samples.map { rows[Int($0)] })
  }

  public func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) throws(FileError) {
    let longest = max(inputs.rowByteCount, targets?.rowByteCount ?? 0, 8)
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: longest, alignment: 64)
    defer { bytes.deallocate() }
    for (place, sample) in samples.enumerated() {
      let row = Int(rows[Int(sample)])
      try Self.read(
        inputs, row, bytes, byteUnit: 255, into: batch.inputs.baseAddress! + place * shape.inputs)
      if let targets {
        try Self.read(
          targets, row, bytes, byteUnit: 1, into: batch.targets.baseAddress! + place * shape.targets
        )
      }
      if let labels {
        let label = try Self.label(labels, row, bytes)
        // They were all read when the set was opened, so that this is a file that has changed.
        guard (0..<shape.classes).contains(label) else {
          throw labels.failure(
            row: row, "label \(label) was not here at the start",
            remedy: "do not change the file while it is read")
        }
        batch.labels[place] = Int32(label)
      }
    }
  }

  public func refusal(of value: SampleValue, in sample: UInt32, _ what: String, remedy: String)
    -> FileError?
  {
    let (file, column) =
      switch value {
      case .input(let input): (inputs, input)
      case .target(let target): (targets ?? inputs, target)
      }
    let row = Int(rows[Int(sample)])
    return file.failure(
      row: row, column: column, "row \(row), element \(column): \(what)", remedy: remedy)
  }

  /// The classes, by number, that some of this set's samples have but none of `other`'s, which is
  /// of the same files. Reads all labels.
  public func classes(missingIn other: NpyRows) throws(FileError) -> [Int] {
    guard let labels else { return [] }
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
    defer { bytes.deallocate() }
    func present(in rows: [UInt32]) throws(FileError) -> Set<Int> {
      var present: Set<Int> = []
      for row in rows { present.insert(try Self.label(labels, Int(row), bytes)) }
      return present
    }
    return try present(in: rows).subtracting(present(in: other.rows)).sorted()
  }

  /// A row's numbers as Float32; `byteUnit` is what unsigned bytes are divided by, and `scratch` has
  /// room for the row.
  static func read(
    _ file: NpyFile, _ row: Int, _ scratch: UnsafeMutableRawBufferPointer, byteUnit: Float,
    into values: UnsafeMutablePointer<Float>
  ) throws(FileError) {
    let width = file.width
    let bytes = UnsafeMutableRawBufferPointer(rebasing: scratch[..<file.rowByteCount])
    try file.read(row: row, into: bytes)
    func convert<Element>(_: Element.Type, _ float: (Element) -> Float) {
      bytes.withMemoryRebound(to: Element.self) { elements in
        for column in 0..<width { values[column] = float(elements[column]) }
      }
    }
    switch file.element {
    case .float32: convert(Float.self) { $0 }
    case .float64: convert(Double.self) { Float($0) }
    case .uint8: convert(UInt8.self) { Float($0) / byteUnit }
    case .int32: convert(Int32.self) { Float($0) }
    case .int64: convert(Int64.self) { Float($0) }
    }
    // The exponent's bits, as whole numbers: this loop runs at vector width.
    var largest: UInt32 = 0
    for column in 0..<width { largest = max(largest, values[column].bitPattern & 0x7F80_0000) }
    guard largest == 0x7F80_0000 else { return }
    let column = (0..<width).first { !values[$0].isFinite }!
    throw file.failure(
      row: row, column: column,
      "row \(row), element \(column): \(values[column]) is no number to train on",
      remedy: "replace it, or leave the row out")
  }

  private static func label(_ file: NpyFile, _ row: Int, _ scratch: UnsafeMutableRawBufferPointer)
    throws(FileError) -> Int
  {
    try file.read(
      row: row, into: UnsafeMutableRawBufferPointer(rebasing: scratch[..<file.rowByteCount]))
    return label(file, scratch.baseAddress!)
  }

  private static func label(_ file: NpyFile, _ bytes: UnsafeMutableRawPointer) -> Int {
    switch file.element {
    case .uint8: Int(bytes.load(as: UInt8.self))
    case .int32: Int(bytes.load(as: Int32.self))
    default: Int(bytes.load(as: Int64.self))
    }
  }

  /// One more than the largest label; 65536 is the most.
  private static func classes(_ file: NpyFile) throws(FileError) -> Int {
    let size = file.rowByteCount
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
    defer { block.deallocate() }
    var largest = 0
    for first in stride(from: 0, to: file.rowCount, by: block.count / size) {
      let count = min(block.count / size, file.rowCount - first)
      try file.content.fill(
        UnsafeMutableRawBufferPointer(rebasing: block[..<(count * size)]),
        at: file.offset(row: first, column: 0))
      for index in 0..<count {
        let label = label(file, block.baseAddress! + index * size)
        guard (0..<(1 << 16)).contains(label) else {
          throw file.failure(
            row: first + index,
            "label \(label) of row \(first + index) is not one of 0 to 65535",
            remedy: "number the classes from 0")
        }
        largest = max(largest, label)
      }
    }
    return largest + 1
  }
}
