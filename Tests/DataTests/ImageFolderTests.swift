import Data
import ExperimentKeys
import Files
import Foundation
import RankTesting
import Testing
import Vectors

@Suite struct ImageFolderTests {
  let files = TemporaryFolder()

  /// Writes a picture, by its path within the folder.
  private func write(_ png: String, to path: String) throws {
    files.write([UInt8](try #require(Data(base64Encoded: png))), to: path)
  }

  private func kind(_ path: String, _ keys: String = "") throws -> ImageFolderKind {
    var reader = try ExperimentReader(
      text: "[data]\npath = \"\(path.isEmpty ? files.path : files.path(path))\"\n\(keys)",
      source: "x", overrides: [])
    try reader.enter("data")
    return try ImageFolderKind(&reader)
  }

  private func open(_ path: String, _ keys: String = "") throws -> TrainingData {
    try kind(path, keys).open(seed: 1, on: OneRank())
  }

  /// The bytes of all samples, and their labels.
  private func read(_ data: any Dataset) throws -> (bytes: [[UInt8]], labels: [Int32]) {
    var batch = Batch(capacity: data.count, shape: data.shape)
    try data.fill(&batch, with: (0..<UInt32(data.count)).map { $0 }[...])
    let width = data.shape.inputs
    let bytes = (0..<data.count).map { row in
      (0..<width).map { UInt8((batch.inputs[row * width + $0] * 255).rounded()) }
    }
    return (bytes, Array(batch.labels[..<data.count]))
  }

  private func failure(_ path: String, _ keys: String = "") -> String? {
    do {
      _ = try open(path, keys)
      return nil
    } catch { return "\(error)".replacing(files.path + "/", with: "") }
  }

  private static let gray = GoldenPicture.all[3]
  private static let color = GoldenPicture.all[9]

  @Test(arguments: GoldenPicture.all) func everyFormOfPictureIsReadAsByPillow(
    _ picture: GoldenPicture
  )
    throws
  {
    try write(picture.png, to: "a/1.png")
    for (channels, wanted) in [(1, picture.gray), (3, picture.colors)] {
      let data = try open("", "channels = \(channels)\nvalidation = 0")
      #expect(
        data.train.shape
          == SampleShape(
            inputs: 42 * channels, labels: 1, classes: 1,
            image: .init(channels: channels, height: 6, width: 7)))
      #expect(
        try read(data.train).bytes == [[UInt8](try #require(Data(base64Encoded: wanted)))],
        "\(picture.name)")
    }
  }

  @Test(arguments: GoldenPicture.refused)
  func whatIsNoGoodPictureIsRefused(_ name: String, _ png: String, _ message: String) throws {
    try write(png, to: "a/1.png")
    let line = try #require(failure("", "validation = 0"), "\(name)")
    #expect(line.hasPrefix("a/1.png: byte ") && line.contains(message), "\(name): \(line)")
  }

  /// Each byte is under a checksum, a length or the signature.
  @Test func everyDamageIsNoticed() throws {
    for picture in [Self.gray, Self.color] {
      let bytes = [UInt8](try #require(Data(base64Encoded: picture.png)))
      try write(picture.png, to: "a/1.png")
      for place in bytes.indices {
        var changed = bytes
        changed[place] ^= 1 << UInt8(place % 8)
        files.write(changed, to: "a/1.png")
        #expect(failure("", "validation = 0") != nil, "byte \(place)")
        files.write(Array(bytes[..<place]), to: "a/1.png")
        #expect(failure("", "validation = 0") != nil, "cut to \(place)")
      }
    }
  }

  @Test func foldersAreClassesInOrder() throws {
    for (place, picture) in [Self.gray, Self.color, Self.gray, Self.gray].enumerated() {
      try write(picture.png, to: ["b/2.png", "a/x.PNG", "b/1.png", "C/0.png"][place])
    }
    files.write([1], to: "b/notes.txt")
    files.write([1], to: "b/.hidden")
    files.write([1], to: "readme.md")
    let data = try open("", "validation = 0")
    let (bytes, labels) = try read(data.train)
    // Capitals come first; one picture of colour makes all of them of three channels.
    #expect(labels == [0, 1, 2, 2] && data.train.shape.classes == 3)
    #expect(bytes[1] == [UInt8](try #require(Data(base64Encoded: Self.color.colors))))
    #expect(bytes[0] == [UInt8](try #require(Data(base64Encoded: Self.gray.colors))))
    #expect(data.test.count == 4 && !data.train.waitsForFiles)
    #expect(try kind("").outline()?.classes == 3)
    #expect(try kind("").files == [files.path])
  }

  @Test func aPartIsHeldOutBySeed() throws {
    for place in 0..<20 { try write(Self.gray.png, to: "\(place % 2)/\(place).png") }
    let data = try open("", "validation = 0.25")
    #expect(data.train.count == 15 && data.test.count == 5 && data.train.shape.inputs == 42)
    let split = TrainTestSplit(of: 20, fraction: 0.25, seed: 1)
    #expect(try read(data.test).labels == split.test.map { $0 < 10 ? 0 : 1 })
  }

  @Test(arguments: ["test", "val"]) func aFolderCanBeTheTestSet(_ name: String) throws {
    for (place, path) in ["train/a/1", "train/b/1", "train/c/1", "\(name)/b/2", "\(name)/a/2"]
      .enumerated()
    {
      try write(GoldenPicture.all[place % 4].png, to: path + ".png")
    }
    let data = try open("")
    #expect(try read(data.train).labels == [0, 1, 2])
    #expect(try read(data.test).labels == [0, 1] && data.test.shape == data.train.shape)
    try write(Self.gray.png, to: "\(name)/d/1.png")
    #expect(
      failure("")
        == "\(name)/d: is a class that train has not; give both parts the same folders"
    )
  }

  @Test func otherFoldersAreRefused() throws {
    #expect(failure("missing")?.hasPrefix("missing: cannot be read as a folder; ") == true)
    try write(Self.gray.png, to: "one/a/1.png")
    #expect(failure("one")?.contains("one: holds one picture") == true)
    #expect(failure("one/a")?.hasPrefix("one/a: holds no folders; ") == true)
    #expect(
      failure("one", "channels = 2")?.contains("data.channels: a picture has 1 channel or 3")
        == true)
    files.write([0xFF, 0xD8], to: "one/a/2.jpg")
    #expect(failure("one") == "one/a/2.jpg: is a picture but no PNG; convert it or leave it out")
    try write(Self.gray.png, to: "deep/a/b/1.png")
    #expect(failure("deep")?.hasPrefix("deep/a/b: is a folder within a class; ") == true)
    try FileManager.default.createDirectory(
      atPath: files.path("empty/a"), withIntermediateDirectories: true)
    #expect(failure("empty")?.hasPrefix("empty: holds no PNG files in its folders; ") == true)
    try write(Self.gray.png, to: "sizes/a/1.png")
    // 7 × 6, and 1 × 1.
    try write(
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==",
      to: "sizes/b/2.png")
    #expect(
      failure("sizes")
        == "sizes/b/2.png: byte 16: is 1×1, sizes/a/1.png is 6×7 (height × width); bring all pictures to one size"
    )
  }
}
