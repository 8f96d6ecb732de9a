import CVectorKernels
import Files
import Vectors

/// Images of bytes and their labels in memory; a pixel becomes pixel ÷ 255.
public struct LabeledImages: Dataset {
  public let count: Int
  public let shape: SampleShape
  public let classNames: [String]
  // Nothing writes to the bytes once a data set exists, so ranks' threads may all read them.
  nonisolated(unsafe) private let images: UnsafeRawBufferPointer
  nonisolated(unsafe) private let labels: UnsafeRawBufferPointer
  private let owner: (any AnyObject & Sendable)?

  /// The data set in memory that ``LabeledImagesFiles/load(into:)`` has filled, by this process or
  /// another.
  ///
  /// `owner` is kept alive as long as the data set; without one the caller sees to it that the
  /// memory outlives it. `classNames` are those of a set whose classes have names.
  public init(
    _ files: LabeledImagesFiles, in memory: UnsafeRawBufferPointer,
    keeping owner: (any AnyObject & Sendable)? = nil, classNames: [String] = []
  ) {
    guard memory.count == files.byteCount else {
      fatalError("images and labels take \(files.byteCount) bytes, not \(memory.count)")
    }
    count = files.count
    images = UnsafeRawBufferPointer(rebasing: memory[..<files.images.byteCount])
    labels = UnsafeRawBufferPointer(rebasing: memory[files.images.byteCount...])
    shape = SampleShape(
      inputs: files.inputWidth, labels: 1, classes: files.classes ?? Int(labels.max()!) + 1,
      image: files.image)
    (self.owner, self.classNames) = (owner, classNames)
  }

  private init(first count: Int, of all: LabeledImages) {
    (self.count, shape, images, labels, owner) = (
      count, all.shape, all.images, all.labels, all.owner
    )
    classNames = all.classNames
  }

  /// The labels that occur.
  public var classes: Set<Int> { Set(labels[..<count].map { Int($0) }) }

  /// The first `count` images as a set of their own.
  public func prefix(_ count: Int) -> LabeledImages {
    precondition((1...self.count).contains(count), "there are no \(count) of \(self.count) images")
    return LabeledImages(first: count, of: self)
  }

  /// Reads both files into memory of its own.
  public init(_ files: LabeledImagesFiles) throws(FileError) {
    let memory = OwnedBytes(count: files.byteCount)
    try files.load(into: memory.bytes)
    self.init(files, in: UnsafeRawBufferPointer(memory.bytes), keeping: memory)
  }

  /// Reads one split of MNIST, Fashion-MNIST (Debian's copy unless a directory is given), or a set
  /// stored like them.
  public init(directory: String = LabeledImagesFiles.fashionMNIST, split: LabeledImagesFiles.Split)
    throws(FileError)
  {
    try self.init(LabeledImagesFiles(directory: directory, split: split))
  }

  public func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    let width = shape.inputs
    for (row, sample) in samples.enumerated() {
      let pixels = images.baseAddress!.assumingMemoryBound(to: UInt8.self) + Int(sample) * width
      cvk_pixels(batch.inputs.baseAddress! + row * width, pixels, width)
      batch.labels[row] = Int32(labels[Int(sample)])
    }
  }
}

/// Memory that lives as long as a reference to it.
private final class OwnedBytes: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer

  init(count: Int) { bytes = .allocate(byteCount: count, alignment: 64) }

  deinit { bytes.deallocate() }
}
