import Files
import Vectors

/// The rows of a file as a trained model's inputs, read one after the other: a file of any length
/// takes the memory of one block of rows.
public protocol InputRows: AnyObject {
  /// How many rows there are; nil where only the end of the file says so.
  var count: Int? { get }
  /// The rows of the last block, by their place in it, that lack a value and so have no inputs.
  var incomplete: [Int] { get }

  /// Fills a batch with the rows that follow, as many as it has room for; at the end of the file
  /// with none.
  func read(into batch: inout Batch) throws(FileError)
}

/// An input whose columns are not those that the model was trained on.
public struct UnfitInput: Error, CustomStringConvertible, Sendable {
  public let path: String
  public let what: String
  public let remedy: String

  init(_ path: String, _ what: String, remedy: String) {
    (self.path, self.what, self.remedy) = (path, what, remedy)
  }

  public var description: String { "\(path): \(what); \(remedy)" }
}

/// Opens a file of rows for a model: a CSV of the columns that it was trained on, or, of a model that
/// was trained on numbers or images without names, a .npy or IDX file. The content, not the name,
/// says which it is.
///
/// - Throws: an ``UnfitInput`` where its columns do not suit the model, a `FileError` where it cannot
///   be read.
public func openInputRows(_ path: String, for trained: TrainedInputs) throws -> any InputRows {
  let file = try InputFile(path)
  let start = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 4)
  defer { start.deallocate() }
  let count = try file.content(isGzip: file.isGzip()).read(into: start)
  let bytes = Array(start[..<count])
  let isNpy = bytes == [0x93] + Array("NUM".utf8)
  let isIDX = bytes.count == 4 && bytes.starts(with: [0, 0])
  if bytes.starts(with: [0x50, 0x4B, 3, 4]) {
    throw UnfitInput(path, "is an archive (.npz?)", remedy: "write its inputs with numpy.save")
  }
  if let encoding = trained.encoding {
    guard !isNpy && !isIDX else {
      throw UnfitInput(
        path, "is an array, but the model knows its inputs by the names of a table's columns",
        remedy: "give a CSV file with these columns")
    }
    return try EncodedRows(path: path, encoding: encoding)
  }
  if isNpy { return try ArrayRows(NpyFile(path: path), for: trained.samples) }
  if isIDX { return try ImageRows(IDXFile(path: path), for: trained.samples) }
  throw UnfitInput(
    path, "is neither a .npy nor an IDX file, and the model was not trained on a table's columns",
    remedy: "give an array of its inputs")
}

/// Refuses rows of another form than a model's inputs; `dimensions` are those of a row.
func checkForm(_ dimensions: [Int], of path: String, for samples: SampleShape) throws(UnfitInput) {
  func text(_ sizes: [Int]) -> String { sizes.map(String.init).joined(separator: "×") }
  let image = samples.image.map {
    ($0.channels > 1 ? [$0.channels] : []) + [$0.height, $0.width]
  }
  let isPlane = image.map { dimensions == [1] + $0 } ?? false
  // A row of so many numbers may be an image that was laid flat, and the other way round.
  let isFlat = dimensions.count <= 1 || image == nil
  let (count, overflows) = dimensions.reduce((1, false)) { product, size in
    let (next, overflow) = product.0.multipliedReportingOverflow(by: size)
    return (next, product.1 || overflow)
  }
  guard !overflows, count == samples.inputs, isFlat || isPlane || dimensions == image else {
    let wanted = image.map { "images of \(text($0))" } ?? "\(samples.inputs) numbers"
    throw UnfitInput(
      path,
      "a row is \(dimensions.isEmpty ? "1 number" : text(dimensions)), the model takes \(wanted)",
      remedy: "give rows like those that it was trained on")
  }
}
