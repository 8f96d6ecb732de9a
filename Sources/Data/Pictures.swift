import CVectorKernels
import Files
import Vectors

/// Pictures of bytes in memory, a plane a channel, and their labels; a value becomes value ÷ 255.
struct Pictures: Dataset {
  let count: Int
  let shape: SampleShape
  /// The folders' names, in the order of the classes.
  let classNames: [String]
  private let labels: [Int32]
  // Nothing writes to the bytes once a data set exists, so ranks' threads may all read them.
  nonisolated(unsafe) private let bytes: UnsafeRawBufferPointer
  private let owner: any AnyObject & Sendable

  /// Pictures that ``load(_:_:into:)`` has written, in this process or another; `owner` keeps the
  /// memory alive.
  init(
    _ pictures: [PictureFolder.Picture], _ image: SampleShape.Image, classes: [String],
    in bytes: UnsafeRawBufferPointer, keeping owner: any AnyObject & Sendable
  ) {
    count = pictures.count
    classNames = classes
    labels = pictures.map { Int32($0.label) }
    let inputs = image.channels * image.height * image.width
    precondition(bytes.count == count * inputs, "\(count) pictures in \(bytes.count) bytes")
    shape = SampleShape(inputs: inputs, labels: 1, classes: classes.count, image: image)
    (self.bytes, self.owner) = (bytes, owner)
  }

  /// The labels that occur.
  var classes: Set<Int> { Set(labels.map { Int($0) }) }

  func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    let width = shape.inputs
    for (row, sample) in samples.enumerated() {
      let pixels = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self) + Int(sample) * width
      cvk_pixels(batch.inputs.baseAddress! + row * width, pixels, width)
      batch.labels[row] = labels[Int(sample)]
    }
  }

  /// Reads pictures into memory, one after the other.
  static func load(
    _ pictures: [PictureFolder.Picture], _ image: SampleShape.Image,
    into memory: UnsafeMutableRawBufferPointer
  ) throws(FileError) {
    let size = image.channels * image.height * image.width
    for (index, picture) in pictures.enumerated() {
      let file = try PNGFile(path: picture.path)
      // All headers were read before there was memory for them.
      guard file.height == image.height, file.width == image.width else {
        throw FileError(
          picture.path, at: 16, "was another picture at the start",
          remedy: "do not change it while it is read")
      }
      let planes = memory.baseAddress!.assumingMemoryBound(to: UInt8.self) + index * size
      try file.read(channels: image.channels, into: planes)
    }
  }
}
