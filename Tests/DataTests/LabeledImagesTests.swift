import Data
import Files
import RankTesting
import Testing
import Vectors

@Suite struct LabeledImagesTests {
  let files = TemporaryFolder()

  private func write(images: [UInt8], count: UInt32, labels: [UInt8]) -> (
    images: String, labels: String
  ) {
    (
      files.write(idx([count, 2, 2], images), to: "images"),
      files.write(gzip(idx([UInt32(labels.count)], labels)), to: "labels")
    )
  }

  @Test func fillsABatchInTheOrderAskedFor() throws {
    let paths = write(
      images: [0, 51, 102, 255, 1, 2, 3, 4, 10, 20, 30, 40], count: 3, labels: [4, 0, 2])
    let images = try LabeledImages(LabeledImagesFiles(images: paths.images, labels: paths.labels))
    #expect(
      images.count == 3
        && images.shape
          == SampleShape(inputs: 4, labels: 1, classes: 5, image: .init(height: 2, width: 2))
    )
    var batch = Batch(capacity: 3, shape: images.shape)
    try images.fill(&batch, with: [9, 2, 0, 9][1...2])
    #expect(batch.count == 2)
    #expect(Array(batch.labels[..<2]) == [2, 4])
    #expect(Array(batch.inputs[..<8]) == [10, 20, 30, 40, 0, 51, 102, 255].map { Float($0) / 255 })
  }

  @Test func sharesMemoryHandedIn() throws {
    let paths = write(images: [1, 2, 3, 4, 5, 6, 7, 8], count: 2, labels: [1, 0])
    let opened = try LabeledImagesFiles(images: paths.images, labels: paths.labels)
    #expect(opened.byteCount == 10)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 10, alignment: 1)
    defer { memory.deallocate() }
    try opened.load(into: memory)
    #expect(Array(memory) == [1, 2, 3, 4, 5, 6, 7, 8, 1, 0])
    let shared = LabeledImages(opened, in: UnsafeRawBufferPointer(memory))
    memory[4] = 255
    var batch = Batch(capacity: 1, shape: shared.shape)
    try shared.fill(&batch, with: [1])
    #expect(batch.inputs[0] == 1)
  }

  @Test func labelsAreChecked() throws {
    let paths = write(images: [0, 0, 0, 0, 0, 0, 0, 0], count: 2, labels: [9, 10])
    let opened = try LabeledImagesFiles(images: paths.images, labels: paths.labels, classes: 10)
    let error = #expect(throws: FileError.self) { try LabeledImages(opened) }
    #expect(error?.path == paths.labels)
    #expect(error?.offset == 9)
    #expect(error?.what == "label 10 of sample 1 is not below 10 (byte of the decompressed data)")
  }

  @Test func countsMustAgree() {
    let paths = write(images: [0, 0, 0, 0, 0, 0, 0, 0], count: 2, labels: [1, 2, 3])
    let error = #expect(throws: FileError.self) {
      try LabeledImagesFiles(images: paths.images, labels: paths.labels)
    }
    #expect(error?.what.hasPrefix("3 labels for the 2 images of \(paths.images)") == true)
    #expect(throws: FileError.self) {
      try LabeledImagesFiles(images: paths.labels, labels: paths.images)
    }
  }

  @Test func aMissingFileOfTheUserNamesNoPackage() {
    let missing = #expect(throws: FileError.self) {
      try LabeledImages(directory: files.path + "/no", split: .train)
    }
    #expect(missing?.description.contains("no such directory") == true)
    let empty = #expect(throws: FileError.self) {
      try LabeledImages(directory: files.path, split: .test)
    }
    #expect(empty?.path == files.path + "/t10k-images-idx3-ubyte")
    for error in [missing, empty] {
      #expect(
        error?.description.hasSuffix(
          "; set data.path to the directory that holds the four IDX files") == true)
      #expect(error?.description.contains("\n") == false)
    }
  }

  /// Numbers taken from the files by another program.
  @Test func readsTheRealFashionMNIST() throws {
    let training = try LabeledImages(split: .train)
    let test = try LabeledImages(split: .test)
    #expect((training.count, training.shape.inputs, training.shape.classes) == (60000, 784, 10))
    #expect((test.count, test.shape.inputs, test.shape.classes) == (10000, 784, 10))
    var batch = Batch(capacity: 10, shape: training.shape)
    func sum(_ row: Int) -> Int {
      batch.inputs[row * 784..<(row + 1) * 784].reduce(0) { $0 + Int(($1 * 255).rounded()) }
    }
    try training.fill(&batch, with: Array(0..<10)[...])
    #expect(Array(batch.labels) == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5])
    #expect(sum(0) == 76247)
    #expect(batch.inputs[784 + 300] == 0xC9 / Float(255))
    try training.fill(&batch, with: [59999])
    #expect(sum(0) == 16684)
    try test.fill(&batch, with: [9999, 0])
    #expect(sum(0) == 24390)
    #expect(sum(1) == 33456)
    #expect(Array(batch.labels[..<2]) == [5, 9])
  }
}
