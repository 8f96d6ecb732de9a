import CVectorKernels
import Files
import Vectors

/// The images of an IDX file, plain or gzip, as inputs; a pixel becomes pixel ÷ 255.
final class ImageRows: InputRows {
  private let file: IDXFile
  private let content: any ByteSource
  private let width: Int
  private var next = 0
  let incomplete: [Int] = []

  init(_ file: IDXFile, for samples: SampleShape) throws {
    try checkForm(Array(file.dimensions.dropFirst()), of: file.path, for: samples)
    self.file = file
    width = samples.inputs
    content = try file.data()
  }

  var count: Int? { file.dimensions[0] }

  func read(into batch: inout Batch) throws(FileError) {
    batch.count = 0
    let rows = min(batch.capacity, file.dimensions[0] - next)
    guard rows > 0 else { return }
    let pixels = UnsafeMutableRawBufferPointer.allocate(byteCount: rows * width, alignment: 64)
    defer { pixels.deallocate() }
    let got = try content.read(into: pixels)
    guard got == pixels.count else {
      throw file.endsEarly(content, present: next * width + got)
    }
    cvk_pixels(
      batch.inputs.baseAddress!, pixels.baseAddress!.assumingMemoryBound(to: UInt8.self),
      rows * width)
    next += rows
    if next == file.dimensions[0] { try file.checkEnd(of: content) }
    batch.count = rows
  }
}
