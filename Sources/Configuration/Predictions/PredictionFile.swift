import Files
import Models
import Recording
import TensorFiles

/// A file of predictions, written block by block: it appears under its name when it is complete, or
/// not at all.
///
/// As CSV it has a header and a line a row: of classes `class`, by name, then `p_NAME` (or
/// `score_NAME`) for each; of targets their names. As .npy it is a Float32 array of the same numbers
/// without the class, `[rows, classes]` or `[rows, targets]`.
public final class PredictionFile {
  public enum Format: Sendable { case csv, npy }

  public let path: String
  /// The rows that were written.
  public private(set) var rowCount = 0
  /// Those of them without a prediction.
  public private(set) var incompleteCount = 0
  /// The header of a CSV.
  public let columns: [String]
  private let format: Format
  private let hasClasses: Bool
  /// Each class's name as a cell.
  private let cells: [[UInt8]]
  private let width: Int
  private var file: DurableFile?
  private var buffer: [UInt8] = []
  private static let bufferSize = 1 << 20

  /// What a file's name says; nil where it is neither.
  public static func format(of path: String) -> Format? {
    path.hasSuffix(".csv") ? .csv : path.hasSuffix(".npy") ? .npy : nil
  }

  public init(path: String, format: Format, for predictor: Predictor) throws(FileError) {
    (self.path, self.format) = (path, format)
    hasClasses = predictor.form != .values
    width = predictor.names.count
    let prefix =
      switch predictor.form {
      case .probabilities: "p_"
      case .scores: "score_"
      case .values: ""
      }
    columns = (hasClasses ? ["class"] : []) + predictor.names.map { prefix + $0 }
    cells = hasClasses ? predictor.names.map { Array(PlainText.csvCell($0).utf8) } : []
    file = try DurableFile(path: path)
    switch format {
    case .csv: buffer += Array((columns.map(PlainText.csvCell).joined(separator: ",") + "\n").utf8)
    case .npy: buffer += npyHeader
    }
  }

  /// Writes a block's rows behind those before.
  public func append(_ block: borrowing PredictionBlock) throws(FileError) {
    incompleteCount += block.classes.count { $0 < 0 }
    rowCount += block.count
    switch format {
    case .csv: for row in 0..<block.count { add(row, of: block) }
    case .npy: block.values.withUnsafeBytes { buffer += $0 }
    }
    if buffer.count >= Self.bufferSize { try flush() }
  }

  /// Gives the file its name.
  public func finish() throws(FileError) {
    try flush()
    if format == .npy {
      let header = npyHeader
      try file!.overwrite(header.span.bytes, at: 0)
    }
    try file.take()!.publish()
  }

  private func add(_ row: Int, of block: borrowing PredictionBlock) {
    if hasClasses {
      if block.classes[row] >= 0 { buffer += cells[Int(block.classes[row])] }
      buffer.append(UInt8(ascii: ","))
    }
    for column in 0..<width {
      if column > 0 { buffer.append(UInt8(ascii: ",")) }
      let value = block.values[row * width + column]
      // The shortest text that is read back as the same Float32.
      buffer.append(contentsOf: (value.isNaN ? "NaN" : value.description).utf8)
    }
    buffer.append(UInt8(ascii: "\n"))
  }

  private func flush() throws(FileError) {
    var bytes: [UInt8] = []
    swap(&bytes, &buffer)
    try file!.write(bytes.span.bytes)
    bytes.removeAll(keepingCapacity: true)
    swap(&bytes, &buffer)
  }

  /// Format 1.0, as long whatever the number of rows, so that it can be written again at the end.
  private var npyHeader: [UInt8] {
    let length = 118
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rowCount), \(width)), }"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length), 0] + Array(text.utf8)
      + [UInt8](repeating: 0x20, count: length - text.utf8.count - 1) + [0x0A]
  }
}
