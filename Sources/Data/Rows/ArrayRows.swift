import Files
import Vectors

/// The rows of a .npy file as inputs. Unsigned bytes are pixels, and become value ÷ 255.
final class ArrayRows: InputRows {
  private let file: NpyFile
  private let scratch: UnsafeMutableRawBufferPointer
  private var next = 0
  let incomplete: [Int] = []

  init(_ file: NpyFile, for samples: SampleShape) throws(UnfitInput) {
    try checkForm(Array(file.shape.dropFirst()), of: file.path, for: samples)
    self.file = file
    scratch = .allocate(byteCount: file.rowByteCount, alignment: 64)
  }

  deinit { scratch.deallocate() }

  var count: Int? { file.rowCount }

  func read(into batch: inout Batch) throws(FileError) {
    batch.count = 0
    while batch.count < batch.capacity, next < file.rowCount {
      try NpyRows.read(
        file, next, scratch, byteUnit: 255,
        into: batch.inputs.baseAddress! + batch.count * batch.shape.inputs)
      batch.count += 1
      next += 1
    }
  }
}
