import CZlib
import Data
import ExperimentKeys
import Files
import FoundationEssentials
import RankTesting
import Testing
import Vectors

@Suite struct NpzTests {
  let files = TemporaryFolder()

  /// As numpy 2.4.6 saved x = [[1.5, −2], [0.1, 3e-7], [8, 9]] as <f4 and y = [2, 0, 1] as <i8, by
  /// `savez` and by `savez_compressed`.
  static let stored = bytes(
    """
    UEsDBC0AAAAAAAAAIQBS1BuT//////////8FABQAeC5ucHkBABAAmAAAAAAAAACYAAAAAAAAAJNOVU1QWQEA
    dgB7J2Rlc2NyJzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgzLCAyKSwgfSAg
    ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAADAPwAA
    AMDNzMw9sA+hNAAAAEEAABBBUEsDBC0AAAAAAAAAIQCKGs4T//////////8FABQAeS5ucHkBABAAmAAAAAAA
    AACYAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxpOCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdz
    aGFwZSc6ICgzLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg
    ICAgICAgICAgICAKAgAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAUEsBAi0DLQAAAAAAAAAhAFLUG5OYAAAAmAAA
    AAUAAAAAAAAAAAAAAIABAAAAAHgubnB5UEsBAi0DLQAAAAAAAAAhAIoazhOYAAAAmAAAAAUAAAAAAAAAAAAA
    AIABzwAAAHkubnB5UEsFBgAAAAACAAIAZgAAAJ4BAAAAAA==
    """)
  static let deflated = bytes(
    """
    UEsDBC0AAAAIAAAAIQBS1BuT//////////8FABQAeC5ucHkBABAAmAAAAAAAAABcAAAAAAAAAJvsF+obEMnI
    UMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6CkaaOgq1CmQDLgaG
    A/YMQOLsmTO2G/gXmgDZjgwMAo4AUEsDBC0AAAAIAAAAIQCKGs4T//////////8FABQAeS5ucHkBABAAmAAA
    AAAAAABKAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TaaGuo6Cell9UUpSYF59flJIKEndLzClOBYoX
    ZyQWpAL5GsY6mjoKtQoUAC4mBlTACKUBUEsBAi0DLQAAAAgAAAAhAFLUG5NcAAAAmAAAAAUAAAAAAAAAAAAA
    AIABAAAAAHgubnB5UEsBAi0DLQAAAAgAAAAhAIoazhNKAAAAmAAAAAUAAAAAAAAAAAAAAIABkwAAAHkubnB5
    UEsFBgAAAAACAAIAZgAAABQBAAAAAA==
    """)

  private static func bytes(_ text: String) -> [UInt8] {
    [UInt8](FoundationEssentials.Data(base64Encoded: text.replacing("\n", with: ""))!)
  }

  private func kind(_ bytes: [UInt8], _ keys: [String] = []) throws -> NpzKind {
    let path = files.write(bytes, to: "d.npz")
    var reader = try ExperimentReader(
      text: "", source: "test", overrides: ["data.path=\(path)", "data.validation=0"] + keys)
    try reader.enter("data")
    return try NpzKind(&reader)
  }

  private func open(_ bytes: [UInt8], _ keys: [String] = ["data.labels=y"]) throws -> TrainingData {
    try kind(bytes, keys).open(seed: 1, on: OneRank())
  }

  private func failure(_ bytes: [UInt8], _ keys: [String] = ["data.labels=y"]) -> String? {
    do {
      let data = try open(bytes, keys)
      var batch = Batch(capacity: data.train.count, shape: data.train.shape)
      try data.train.fill(&batch, with: Array(0..<UInt32(data.train.count))[...])
      return nil
    } catch {
      let error = error as? FileError
      #expect(error?.path == "\(files.path)/d.npz" && error?.description.contains("\n") == false)
      return error.map { String($0.description.dropFirst($0.path.count + 2)) }
    }
  }

  @Test(arguments: [stored, deflated]) func readsWhatNumPyWrites(_ bytes: [UInt8]) throws {
    let data = try open(bytes)
    #expect(data.train.count == 3 && data.train.waitsForFiles == (bytes == Self.stored))
    #expect(data.train.shape == SampleShape(inputs: 2, labels: 1, classes: 3))
    var batch = Batch(capacity: 3, shape: data.train.shape)
    try data.train.fill(&batch, with: [2, 0, 1])
    #expect(Array(batch.inputs) == [8, 9, 1.5, -2, 0.1, 3e-7] && Array(batch.labels) == [1, 2, 0])
    let regression = try open(bytes, ["data.inputs=y", "data.targets=x"]).train
    #expect(regression.shape == SampleShape(inputs: 1, targets: 2))
    var other = Batch(capacity: 1, shape: regression.shape)
    try regression.fill(&other, with: [0])
    #expect(Array(other.inputs) == [2] && Array(other.targets) == [1.5, -2])
    // What the heads alone say.
    #expect(
      try kind(bytes, ["data.labels=y"]).outline()
        == SampleShape(inputs: 2, labels: 1, classes: 2))
    #expect(
      try kind(bytes, ["data.targets=y"]).outline() == SampleShape(inputs: 2, targets: 1))
  }

  @Test func arraysAreNamed() throws {
    let missing = "holds no array \"images\"; there are x, y"
    #expect(failure(Self.stored, ["data.inputs=images"]) == missing)
    #expect(failure(Self.stored, ["data.labels=images"]) == missing)
    #expect(
      failure(Self.stored, ["data.labels=x"])
        == "x.npy: holds <f4 of shape [3, 2], labels are one whole number a row; save them as |u1, <i4 or <i8"
    )
    var named = Self.stored
    for place in named.indices where named[place...].starts(with: "x.npy".utf8) {
      named[place] = UInt8(ascii: "u")
    }
    #expect(failure(named)?.hasPrefix("holds no array \"x\"; ") == true)
    #expect(failure(named, ["data.inputs=u", "data.labels=y"]) == nil)
  }

  /// Every byte that is lost is an error, and no byte that is changed a crash.
  @Test(arguments: [stored, deflated]) func damageIsAnError(_ bytes: [UInt8]) throws {
    for length in 0..<bytes.count {
      #expect(failure(Array(bytes[..<length])) != nil, "\(length) bytes")
    }
    for place in bytes.indices {
      for mask in [0xFF, 0x01, 0x80] as [UInt8] {
        var changed = bytes
        changed[place] ^= mask
        _ = failure(changed)
      }
    }
    #expect(
      failure([1, 2, 3])
        == "byte 0: is no zip archive, or is cut off: it has no directory at its end; write it with numpy.savez"
    )
    #expect(failure([]) != nil)
  }

  @Test func packedDataAreChecked() throws {
    // A byte of the deflated x, whose data begin behind a header of 30 + 5 + 20 bytes.
    var changed = Self.deflated
    changed[55 + 60] ^= 4
    #expect(failure(changed) != nil)
    // The CRC-32 in the directory's entry.
    let entry = try #require(
      Self.deflated.indices.first { Self.deflated[$0...].starts(with: [0x50, 0x4B, 1, 2]) })
    var other = Self.deflated
    other[entry + 16] ^= 1
    #expect(
      failure(other)
        == "byte 55: x.npy is corrupted: its CRC-32 is another; write or fetch the file again")
    // A size that so few bytes cannot unpack to, so that no memory is asked for it.
    var large = Self.deflated
    large[entry + 27] = 0x7F
    #expect(
      failure(large)?.contains("x.npy is to have 2130706584 bytes, which 92 cannot hold") == true)
    for (place, value, text) in [
      (8, UInt8(1), "x.npy is encrypted"), (10, 12, "x.npy is compressed in another way"),
    ] {
      var changed = Self.stored
      let entry = changed.indices.first { changed[$0...].starts(with: [0x50, 0x4B, 1, 2]) }!
      changed[entry + place] = value
      #expect(failure(changed)?.contains(text) == true)
    }
  }

  /// Errors within an array have the byte of the file where it lies there as it is.
  @Test func elementsAreNamedWithTheirPlace() throws {
    for (bytes, place) in [
      (Self.stored, "byte 191: x.npy: row 1, element 0"),
      (try repacked(), "byte 136: (of the decompressed array) x.npy: row 1, element 0"),
    ] {
      var bytes = bytes
      if bytes == Self.stored { bytes[191...194] = [0, 0, 0x80, 0x7F] }
      #expect(
        failure(bytes)?.hasPrefix("\(place): inf is no number to train on") == true,
        "\(failure(bytes) ?? "")")
    }
  }

  /// An archive with x alone, deflated, whose element 2 is infinite, and y as it was.
  private func repacked() throws -> [UInt8] {
    var array = Array(Self.stored[55..<55 + 152])
    array[136..<140] = [0, 0, 0x80, 0x7F]
    let member = gzip(array)
    // gzip's header is 10 bytes, its end 8.
    let packed = Array(member[10..<member.count - 8])
    let checksum = UInt32(truncatingIfNeeded: crc32_z(0, array, array.count))
    func little(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let sizes = little(Int(checksum), 4) + little(packed.count, 4) + little(array.count, 4)
    let name = Array("x.npy".utf8)
    let local =
      [0x50, 0x4B, 3, 4] + little(20, 2) + little(0, 2) + little(8, 2) + little(0, 4) + sizes
      + little(5, 2) + little(0, 2) + name + packed
    let second = Array(Self.stored[207..<414])
    let entries =
      [0x50, 0x4B, 1, 2] + little(20, 2) + little(20, 2) + little(0, 2) + little(8, 2)
      + little(0, 4) + sizes + little(5, 2) + little(0, 12) + little(0, 4) + name
    var other = Array(Self.stored[465..<516])
    other.replaceSubrange(42..<46, with: little(local.count, 4))
    return local + second + entries + other + [0x50, 0x4B, 5, 6] + little(0, 4) + little(2, 2)
      + little(2, 2) + little(entries.count + other.count, 4)
      + little(local.count + second.count, 4) + little(0, 2)
  }
}
