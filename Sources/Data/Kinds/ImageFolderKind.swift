import ExperimentKeys
import Files
import Vectors

/// `data.kind = "image-folder"`: a folder with a folder of PNG files for each class, torchvision's
/// `ImageFolder`.
///
/// Classes are the folders' names in order. With the parts `train` and `test`, or `train` and `val`,
/// the second is the test set; else a fraction `validation` of the pictures, drawn by the seed, is,
/// and with 0 the training set itself.
public struct ImageFolderKind: DividedDataKind {
  public static let kind = "image-folder"
  public static let summary =
    "A folder of PNG files for each class, all of one size; 1 to 16 bits, grey, colour or palette, not interlaced. Transparency is dropped."
  public let path: String
  public let channels: Int?
  public let validation: Double

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    path = try keys.path(
      needed: "path", example: "pictures",
      missing: "data of kind image-folder needs the path of its folder",
      "the folder: it holds a folder for each class, or the folders train and test (or val), which hold those"
    )
    channels = try keys.integer(
      optional: "channels", in: 1...3,
      "1: grey; 3: red, green, blue; by default 1 where all pictures are grey, else 3")
    if channels == 2 { throw keys.error("channels", "a picture has 1 channel or 3") }
    validation = try keys.number(
      "validation", default: 0.1, wanted: "a fraction of at least 0 and below 1",
      "the part of the pictures, drawn by the seed, that is held out for testing, where there is no folder test or val"
    ) { $0 >= 0 && $0 < 1 }
  }

  public var files: [String] { [path] }

  public func outline() throws(FileError) -> SampleShape? {
    guard let folder = try? PictureFolder(path: path),
      let first = try? PNGFile(path: folder.pictures[0].path)
    else { return nil }
    return shape(
      folder,
      SampleShape.Image(
        channels: channels ?? (first.color.isGray ? 1 : 3), height: first.height,
        width: first.width))
  }

  private func shape(_ folder: PictureFolder, _ image: SampleShape.Image) -> SampleShape {
    SampleShape(
      inputs: image.channels * image.height * image.width, labels: 1,
      classes: folder.classes.count, image: image)
  }

  public func openTest(
    as trained: TrainedInputs, all: Bool, seed: UInt64,
    on ranks: borrowing some DataContext & ~Copyable
  ) throws -> EvaluationData {
    let data = try open(validation: all ? 0 : validation, seed: seed, on: ranks)
    let (names, known) = (data.train.classNames, trained.classes)
    try ranks.succeedOnAllRanks {
      guard known.isEmpty || names == known else {
        let other = zip(names, known).first { $0 != $1 }
        throw FileError(
          path,
          "has \(names.count) classes, those trained on are \(known.count)"
            + (other.map { "; the first other one is \"\($0.0)\" where \"\($0.1)\" was" } ?? ""),
          remedy: "give a folder for each class that was trained on, by its name")
      }
    }
    return EvaluationData(data.test)
  }

  public func open(
    validation: Double, seed: UInt64, on ranks: borrowing some DataContext & ~Copyable
  ) throws -> TrainingData {
    let folder = try ranks.succeedOnAllRanks { try PictureFolder(path: path) }
    let mine = [
      Int64(folder.pictures.count), Int64(folder.test?.count ?? -1),
      Int64(bitPattern: folder.fingerprint),
    ]
    let first = try ranks.broadcast(mine)
    let parts = try ranks.succeedOnAllRanks {
      guard first == mine else {
        throw FileError(
          path, "holds other pictures on this host than where rank 0 runs",
          remedy: "give the same folder on every host")
      }
      return try divide(folder, validation: validation, seed: seed)
    }
    let image = try image(of: folder, on: ranks)
    let size = image.channels * image.height * image.width
    let memory = try [parts.train, parts.test].enumerated().map { filler, pictures in
      try ranks.sharedBytes(count: pictures.count * size, filler: filler)
    }
    // The agreement is also the barrier behind which the bytes may be read.
    try ranks.succeedOnAllRanks {
      for (memory, pictures) in zip(memory, [parts.train, parts.test]) where memory.isFiller {
        try Pictures.load(pictures, image, into: memory.bytes)
      }
    }
    func set(_ pictures: [PictureFolder.Picture], _ memory: SharedBytes) -> Pictures {
      Pictures(
        pictures, image, classes: folder.classes,
        in: UnsafeRawBufferPointer(memory.bytes), keeping: memory)
    }
    let (train, test) = (set(parts.train, memory[0]), set(parts.test, memory[1]))
    let missing = test.classes.subtracting(train.classes).sorted().map { folder.classes[$0] }
    let note = missingClassesNote(missing, in: path)
    return TrainingData(train: train, test: test, notes: note.map { [$0] } ?? [])
  }

  private func divide(_ folder: PictureFolder, validation: Double, seed: UInt64) throws(FileError)
    -> (
      train: [PictureFolder.Picture], test: [PictureFolder.Picture]
    )
  {
    if let test = folder.test { return (folder.pictures, test) }
    guard folder.pictures.count > 1 || validation == 0 else {
      throw FileError(
        path, "holds one picture, which cannot be held out for testing",
        remedy: "give more pictures, or set data.validation = 0")
    }
    let split = TrainTestSplit(of: folder.pictures.count, fraction: validation, seed: seed)
    return (
      split.train.map { folder.pictures[Int($0)] }, split.test.map { folder.pictures[Int($0)] }
    )
  }

  /// The one size that all pictures have; each rank reads a part of the headers. Refuses more than
  /// the memory holds. Collective.
  private func image(of folder: PictureFolder, on ranks: borrowing some DataContext & ~Copyable)
    throws -> SampleShape.Image
  {
    let pictures = folder.pictures + (folder.test ?? [])
    let (rank, size) = (ranks.rank, ranks.size)
    let (colored, shown) = try ranks.succeedOnAllRanks {
      let first = try PNGFile(path: pictures[0].path)
      var colored = 0
      for index in stride(from: rank, to: pictures.count, by: size) {
        let picture = try PNGFile(path: pictures[index].path)
        guard picture.height == first.height, picture.width == first.width else {
          throw FileError(
            picture.path, at: 16,
            "is \(picture.height)×\(picture.width), \(first.path) is \(first.height)×\(first.width) (height × width)",
            remedy: "bring all pictures to one size")
        }
        if !picture.color.isGray { colored += 1 }
      }
      return (colored, SampleShape.Image(height: first.height, width: first.width))
    }
    let all = try ranks.sum([Int64(colored)])[0]
    var image = shown
    image.channels = channels ?? (all > 0 ? 3 : 1)
    try ranks.succeedOnAllRanks {
      let bytes = pictures.count * image.channels * image.height * image.width
      guard let free = availableMemory(), free < bytes + (64 << 20) else { return }
      throw FileError(
        path,
        "\(pictures.count) pictures of \(image.height)×\(image.width) take \(bytes) bytes, which do not fit this machine's memory",
        remedy: "make them smaller, or give fewer")
    }
    return image
  }
}
