import Files
import Foundation
import RankTesting
import TensorFiles
import Testing

/// A safetensors file put together by hand.
func safetensors(_ json: String, data: Int, length: UInt64? = nil) -> [UInt8] {
  safetensors(Array(json.utf8), data: data, length: length)
}

func safetensors(_ json: [UInt8], data: Int, length: UInt64? = nil) -> [UInt8] {
  let length = length ?? UInt64(json.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + json
    + (0..<data).map { UInt8(truncatingIfNeeded: $0 * 7) }
}

@Suite struct SafeTensorsTests {
  let files = TemporaryFolder()

  /// Opens the file and reads every tensor that can be read.
  private func readAll(_ path: String) throws(FileError) -> [String: [Float]] {
    let file = try SafeTensors(path: path)
    var all: [String: [Float]] = [:]
    for tensor in file.tensors where tensor.type == .float32 {
      all[tensor.name] = try file.floats(named: tensor.name)
    }
    return all
  }

  private func failure(_ bytes: [UInt8]) -> FileError? {
    do {
      _ = try readAll(files.write(bytes, to: "input"))
      return nil
    } catch { return error }
  }

  private func small() throws -> [UInt8] {
    var writer = try SafeTensorsWriter(
      path: files.path + "/small", tensors: [("b", [2, 2]), ("a", []), ("none", [0, 5])],
      metadata: ["step": "7", "format": "pt"])
    try writer.append(([1, -2, .infinity, 4.5] as [Float]).span)
    try writer.append(([9] as [Float]).span)
    try writer.finish()
    return files.bytes("small")
  }

  @Test func theWriterPutsTheBytesTheFormatPrescribes() throws {
    let bytes = try small()
    let json =
      #"{"__metadata__":{"format":"pt","step":"7"},"b":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"#
      + #""a":{"dtype":"F32","shape":[],"data_offsets":[16,20]},"none":{"dtype":"F32","shape":[0,5],"data_offsets":[20,20]}}"#
    let length = (json.utf8.count + 7) / 8 * 8
    let padded = json + String(repeating: " ", count: length - json.utf8.count)
    #expect(bytes.count == 8 + length + 20)
    #expect(Array(bytes[..<8]) == [UInt8(length), 0, 0, 0, 0, 0, 0, 0])
    #expect(String(decoding: bytes[8..<8 + length], as: UTF8.self) == padded)
    let elements: [Float] = [1, -2, .infinity, 4.5, 9]
    #expect(
      Array(bytes[(8 + length)...])
        == elements.flatMap { v in
          (0..<4).map { UInt8(truncatingIfNeeded: v.bitPattern >> (8 * $0)) }
        })
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    _ = try small()
    let file = try SafeTensors(path: files.path + "/small")
    #expect(file.names == ["b", "a", "none"])
    #expect(file.shape(of: "b") == [2, 2])
    #expect(file.shape(of: "a") == [])
    #expect(file.shape(of: "c") == nil)
    #expect(file.metadata == ["step": "7", "format": "pt"])
    #expect(try file.floats(named: "b") == [1, -2, .infinity, 4.5])
    #expect(try file.floats(named: "none") == [])
    var elements: [Float] = [0, 0]
    let error = try elements.withUnsafeMutableBufferPointer { buffer in
      try file.read("a", into: UnsafeMutableBufferPointer(rebasing: buffer[1...]))
      return #expect(throws: FileError.self) { try file.read("a", into: buffer) }
    }
    #expect(elements == [0, 9])
    #expect(error?.what == "tensor \"a\" has 1 elements, 2 are expected")
    #expect(
      #expect(throws: FileError.self) { try file.floats(named: "c") }?.what.hasPrefix(
        "there is no tensor \"c\"") == true)
  }

  @Test func aTensorMayBeAppendedInPartsAndEverySpecialBitSurvives() throws {
    let values = (0..<10_000).map { Float(bitPattern: UInt32($0) &* 0x9E37_79B9) }
    var writer = try SafeTensorsWriter(
      path: files.path + "/parts", tensors: [("empty", [0]), ("x", [100, 100])])
    for start in stride(from: 0, to: values.count, by: 999) {
      try writer.append(values.span.extracting(start..<min(start + 999, values.count)))
    }
    let digest = try writer.finish()
    let file = try SafeTensors(path: files.path + "/parts")
    #expect(try file.floats(named: "x").map(\.bitPattern) == values.map(\.bitPattern))
    #expect(try file.sha256() == digest)
    #expect(try SHA256.digest(ofFile: files.path + "/parts") == digest)
    #expect(files.names == ["parts"])
  }

  @Test func finishingWithoutAllElementsTraps() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [path = (files.path + "/short") as String] in
      var writer = try SafeTensorsWriter(path: path, tensors: [("x", [2, 3]), ("y", [1])])
      try writer.append(([1, 2, 3, 4] as [Float]).span)
      try writer.finish()
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("tensor x still wants 2 elements"))
  }

  @Test func namesThatNeedEscapesSurvive() throws {
    let name = "a\"b\\c\n\u{1}é😀/"
    var writer = try SafeTensorsWriter(
      path: files.path + "/names", tensors: [(name, [1])], metadata: [name: name])
    try writer.append(([1] as [Float]).span)
    try writer.finish()
    let file = try SafeTensors(path: files.path + "/names")
    #expect(file.names == [name])
    #expect(file.metadata == [name: name])
    let header = files.bytes("names").dropFirst(8).prefix { $0 != 0 }
    let parsed =
      try JSONSerialization.jsonObject(
        with: Data(files.bytes("names")[8..<8 + Int(files.bytes("names")[0])])) as? [String: Any]
    #expect(parsed?[name] != nil, "\(header.count) bytes")
  }

  @Test func everyPrefixIsRejectedAndEveryExtension() throws {
    let bytes = try small()
    #expect(failure(bytes) == nil)
    for length in 0..<bytes.count {
      let error = failure(Array(bytes[..<length]))
      #expect(error != nil, "\(length) bytes")
      #expect(error?.offset != nil)
    }
    #expect(failure(bytes + [0])?.offset == bytes.count)
  }

  @Test func noFlippedBitCrashesAndThoseOfTheHeaderAreFoundOrHarmless() throws {
    let bytes = try small()
    let intact = try readAll(files.path + "/small").mapValues { $0.map(\.bitPattern) }
    var rejected = 0
    for position in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[position] ^= 1 << bit
        // A flip may change a name, the metadata or, in the data, an element; never how many
        // elements there are.
        do {
          let read = try readAll(files.write(damaged, to: "flipped"))
          #expect(
            read.values.reduce(0) { $0 + $1.count } == intact.values.reduce(0) { $0 + $1.count })
        } catch { rejected += 1 }
      }
    }
    #expect(rejected > 8 * 8 + 8 * 50)
  }

  @Test func otherTypesAreSizedAndRefusedAsFloats() throws {
    let json =
      #"{"i":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},"u":{"dtype":"U8","shape":[3],"data_offsets":[16,19]},"#
      + #""d":{"dtype":"F64","shape":[1],"data_offsets":[19,27]},"k":{"dtype":"I32","shape":[1],"data_offsets":[27,31]}}"#
    let file = try SafeTensors(path: files.write(safetensors(json, data: 31), to: "types"))
    #expect(file["i"]?.elementCount == 2)
    #expect(file["u"]?.elementCount == 3)
    #expect(file["d"]?.type == .float64)
    let error = #expect(throws: FileError.self) { try file.floats(named: "k") }
    #expect(error?.what == "tensor \"k\" is I32, not F32, F64, F16 or BF16")
  }

  @Test func aHundredThousandNamesAreReadInLinearTime() throws {
    // The processor's time: other programs do not lengthen it.
    func seconds(_ count: Int) throws -> Double {
      let members = (0..<count).map {
        #""t\#($0)":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#
      }
      let path = files.write(
        safetensors("{" + members.joined(separator: ",") + "}", data: 0), to: "many")
      let start = processorSeconds()
      #expect(try SafeTensors(path: path).tensors.count == count)
      return processorSeconds() - start
    }
    let (few, many) = (try seconds(10_000), try seconds(100_000))
    // Ten times as long; it would be a hundred times if each name were compared with all others.
    #expect(many < 40 * few, "\(few) s, \(many) s")
  }
}
