import Foundation
import RankTesting
import Recording
import Testing

/// TensorBoard's files: our own check of their framing, and TensorBoard's reader for their content.
@Suite struct EventFileTests {
  private static let environment =
    "\(ProcessInfo.processInfo.environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache")/lockstep/python"
  static let python = environment + "/bin/python3"
  static let hasTensorBoard =
    FileManager.default.isExecutableFile(atPath: python)
    && ((try? FileManager.default.contentsOfDirectory(atPath: environment + "/lib"))?.contains {
      FileManager.default.fileExists(atPath: "\(environment)/lib/\($0)/site-packages/tensorboard")
    } ?? false)

  /// Castagnoli's check, bit by bit.
  static func check(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var value = UInt32.max
    for byte in bytes {
      value ^= UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
    }
    return ~value
  }

  static func write(
    _ steps: ClosedRange<Int>, to folder: TemporaryFolder, resumingAt step: Int? = nil,
    factor: Double = 1
  ) throws
    -> String
  {
    var file = try EventFile(in: folder.path, host: "a host/of mine", resumingAt: step, every: 5)
    for number in steps {
      try file.append(
        PageTests.step(
          number, loss: factor / Double(number), norm: number == 3 ? nil : 2 + 1 / Double(number)))
    }
    try file.append(
      evaluation: [NamedNumber("loss", 0.25 * factor), NamedNumber("accuracy", 0.875)],
      step: steps.upperBound)
    return file.path
  }

  @Test func everyRecordIsFramed() throws {
    #expect(Self.check("123456789".utf8) == 0xE306_9283)
    let folder = TemporaryFolder()
    let path = try Self.write(1...20, to: folder)
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    func number<Value: FixedWidthInteger>(at place: Int, _ type: Value.Type) -> Value {
      (0..<MemoryLayout<Value>.size).reduce(0) { $0 | Value(bytes[place + $1]) << (8 * $1) }
    }
    func masked(_ range: Range<Int>) -> UInt32 {
      let value = Self.check(bytes[range])
      return (value >> 15 | value << 17) &+ 0xA282_EAD8
    }
    var (place, records) = (0, 0)
    while place < bytes.count {
      let length = Int(number(at: place, UInt64.self))
      #expect(number(at: place + 8, UInt32.self) == masked(place..<place + 8))
      #expect(
        number(at: place + 12 + length, UInt32.self) == masked(place + 12..<place + 12 + length))
      (place, records) = (place + length + 16, records + 1)
    }
    #expect(place == bytes.count && records == 22)
    #expect(
      path.split(separator: "/").last!.hasPrefix("events.out.tfevents.") && !path.contains(" "))
  }

  @Test(.enabled(if: hasTensorBoard, "there is no Python with tensorboard: \(python)"))
  func tensorBoardReadsEveryValueAndForgetsWhatWasTakenBack() throws {
    let folder = TemporaryFolder()
    let first = try Self.write(1...30, to: folder)
    let second = try Self.write(21...40, to: folder, resumingAt: 20, factor: 3)
    #expect(first < second)
    folder.write(
      """
      import json, sys
      from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
      events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0})
      events.Reload()
      tags = events.Tags()
      scalars = {tag: [[s.step, s.value] for s in events.Scalars(tag)] for tag in tags["scalars"]}
      norms = [[h.step, h.histogram_value.num, h.histogram_value.sum, sum(h.histogram_value.bucket)] for h in events.Histograms("norm/layers")]
      json.dump({"scalars": scalars, "norms": norms}, open(sys.argv[2], "w"))
      """, to: "read.py")
    let process = Process()
    process.executableURL = URL(filePath: Self.python)
    process.arguments = [folder.path + "/read.py", folder.path, folder.path + "/read.json"]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    struct Read: Decodable {
      var scalars: [String: [[Double]]]
      var norms: [[Double]]
    }
    let read = try JSONDecoder().decode(
      Read.self, from: Data(contentsOf: URL(filePath: folder.path + "/read.json")))
    // The reader hands out Float32 as Doubles.
    func float(_ value: Double) -> Double { Double(Float(value)) }
    #expect(
      read.scalars["loss"] == (1...40).map { [Double($0), float(($0 > 20 ? 3 : 1) / Double($0))] })
    #expect(
      read.scalars["norm/global"]
        == (1...40).filter { $0 != 3 }.map { [Double($0), float(2 + 1 / Double($0))] })
    #expect(
      read.scalars["clip/threshold"]?.count == 40
        && read.scalars["seconds/compute"]?.last == [40, float(0.008)])
    #expect(read.scalars["evaluation/accuracy"] == [[40, 0.875]])
    #expect(
      read.scalars["layers/transformer.h.1.attn.c_attn.weight"]?.map { $0[0] } == [
        1, 5, 10, 15, 20, 25, 30, 35, 40,
      ])
    #expect(read.norms.map { $0[0] } == [1, 5, 10, 15, 20, 25, 30, 35, 40])
    #expect(read.norms.allSatisfy { $0[1] == 3 && $0[3] == 3 })
    #expect(abs(read.norms[0][2] - 3 * 1.5) < 1e-12)
  }
}
