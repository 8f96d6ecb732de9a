import ExperimentKeys
import Files
import Vectors

/// `data.kind = "fashion-mnist"`: Debian's copy, or the same four files elsewhere; ten classes.
/// `samples` trains on the first so many.
public struct FashionMNISTKind: DataKind {
  public static let kind = "fashion-mnist"
  public static let summary = "Images and labels in four IDX files, plain or gzip."
  public let directory: String
  public let samples: Int?

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    directory =
      try keys.path(
        "path", "their directory; by default that of Debian's package dataset-fashion-mnist")
      ?? LabeledImagesFiles.fashionMNIST
    samples = try keys.integer(
      optional: "samples", in: 1...Int(UInt32.max), "train on the first so many only")
  }

  public var files: [String] { LabeledImagesFiles.names(in: directory) }

  public func outline() throws(FileError) -> SampleShape? {
    try outlineImages(directory, classes: 10)
  }

  public func open(seed: UInt64, on ranks: borrowing some DataContext & ~Copyable) throws
    -> TrainingData
  {
    try openImages(
      directory, classes: 10, samples: samples, names: LabeledImagesFiles.fashionClasses, on: ranks)
  }
}

/// `data.kind = "idx"`: four files named as MNIST's, with any number of classes.
public struct IDXKind: DataKind {
  public static let kind = "idx"
  public static let summary = "The same four files of another set, with any number of classes."
  public let directory: String
  public let samples: Int?

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    samples = try keys.integer(
      optional: "samples", in: 1...Int(UInt32.max), "train on the first so many only")
    directory = try keys.path(
      needed: "path", example: "digits",
      missing: "data of kind idx needs the directory of its four files", "their directory")
  }

  public var files: [String] { LabeledImagesFiles.names(in: directory) }

  public func outline() throws(FileError) -> SampleShape? {
    try outlineImages(directory, classes: nil)
  }

  public func open(seed: UInt64, on ranks: borrowing some DataContext & ~Copyable) throws
    -> TrainingData
  {
    try openImages(directory, classes: nil, samples: samples, on: ranks)
  }
}

private func outlineImages(_ directory: String, classes: Int?) throws(FileError) -> SampleShape? {
  guard let train = try? LabeledImagesFiles(directory: directory, split: .train, classes: classes),
    let test = try? LabeledImagesFiles(directory: directory, split: .test, classes: classes)
  else { return nil }
  try requireSameShape(train, test, in: directory)
  return SampleShape(inputs: train.inputWidth, labels: 1, classes: classes ?? 2, image: train.image)
}

private func openImages(
  _ directory: String, classes: Int?, samples: Int?, names: [String] = [],
  on ranks: borrowing some DataContext & ~Copyable
) throws -> TrainingData {
  let files = try ranks.succeedOnAllRanks {
    (
      train: try LabeledImagesFiles(directory: directory, split: .train, classes: classes),
      test: try LabeledImagesFiles(directory: directory, split: .test, classes: classes)
    )
  }
  try ranks.succeedOnAllRanks { try requireSameShape(files.train, files.test, in: directory) }
  let trainMemory = try ranks.sharedBytes(count: files.train.byteCount, filler: 0)
  let testMemory = try ranks.sharedBytes(count: files.test.byteCount, filler: 1)
  // The agreement is also the barrier behind which the bytes may be read.
  try ranks.succeedOnAllRanks {
    if trainMemory.isFiller { try files.train.load(into: trainMemory.bytes) }
    if testMemory.isFiller { try files.test.load(into: testMemory.bytes) }
  }
  let train = LabeledImages(
    files.train, in: UnsafeRawBufferPointer(trainMemory.bytes), keeping: trainMemory,
    classNames: names)
  // The test set may lack the last classes; its samples are still the training set's.
  let test = LabeledImages(
    files.test, in: UnsafeRawBufferPointer(testMemory.bytes), keeping: testMemory)
  try ranks.succeedOnAllRanks {
    guard test.shape.classes <= train.shape.classes else {
      throw FileError(
        directory,
        "the test set has \(test.shape.classes) classes, the training set \(train.shape.classes)",
        remedy: "give two splits of one data set")
    }
  }
  try ranks.succeedOnAllRanks {
    guard let samples, samples > train.count else { return }
    throw ExperimentError(
      "data.samples is \(samples), \(directory) has \(train.count): give at most that many")
  }
  let trained = samples.map { train.prefix($0) } ?? train
  let note = missingClassesNote(
    test.classes.subtracting(trained.classes).sorted().map(String.init), in: directory)
  return TrainingData(train: trained, test: test, notes: note.map { [$0] } ?? [])
}

/// Refuses a test set whose images are not shaped as those trained on are, though they may have as
/// many pixels.
private func requireSameShape(
  _ train: LabeledImagesFiles, _ test: LabeledImagesFiles, in directory: String
) throws(FileError) {
  func text(_ files: LabeledImagesFiles) -> String {
    files.images.dimensions.dropFirst().map(String.init).joined(separator: "×")
  }
  guard text(train) != text(test) else { return }
  throw FileError(
    test.images.path, at: 4,
    "the test set's images are \(text(test)), the training set's \(text(train))",
    remedy: "give two splits of one data set")
}
