import Files
import RankTesting
import TensorFiles
import Testing

/// Every element type of the format: listed, sized, and, where it is a floating-point type of whole
/// bytes, measured. // E3
@Suite struct ElementTypeTests {
  let files = TemporaryFolder()

  /// A file with one tensor of a type.
  private func file(_ type: String, _ shape: [Int], _ bytes: [UInt8]) -> String {
    let json = #"{"x":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[0,\#(bytes.count)]}}"#
    return files.write(safetensors(Array(json.utf8), data: 0) + bytes, to: type)
  }

  private func littleEndian<Integer: FixedWidthInteger>(_ values: [Integer]) -> [UInt8] {
    values.flatMap { value in
      (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
  }

  /// The types that the reference implementation (safetensors 0.8.0) takes, with the bytes of 8
  /// elements.
  @Test(arguments: [
    ("BOOL", 8), ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("U8", 8), ("I8", 8), ("F8_E5M2", 8),
    ("F8_E4M3", 8), ("F8_E8M0", 8), ("F8_E4M3FNUZ", 8),
    ("F8_E5M2FNUZ", 8), ("I16", 16), ("U16", 16), ("F16", 16), ("BF16", 16), ("I32", 32),
    ("U32", 32), ("F32", 32), ("C64", 64), ("F64", 64), ("I64", 64),
    ("U64", 64),
  ])
  func everyTypeIsListed(_ type: String, _ byteCount: Int) throws {
    let summary = try TensorFileSummary(
      path: file(type, [2, 4], Array(repeating: 0, count: byteCount)))
    let tensor = try #require(summary.tensors.first)
    #expect(tensor.type.rawValue == type && tensor.elementCount == 8 && tensor.shape == [2, 4])
    let isMeasured = (type.contains("F8") || ["F16", "BF16", "F32", "F64", "C64"].contains(type))
    #expect((tensor.statistics != nil) == isMeasured)
    #expect(throws: FileError.self) {
      try SafeTensors(path: file(type, [2, 4], Array(repeating: 0, count: byteCount - 1)))
    }
  }

  @Test func elementsOfLessThanAByteFillWholeBytes() {
    let error = #expect(throws: FileError.self) { try SafeTensors(path: file("F4", [3], [0, 0])) }
    #expect(error?.what == "tensor \"x\" fills 12 bits, not whole bytes")
  }

  /// Bit patterns of values that the formats' papers list: the largest, the smallest, one, minus
  /// two and a half, and those that are not finite.
  @Test(arguments: [
    (
      "F16", [0x7BFF, 0x0001, 0x3C00, 0xC100], 65504, 5.9604644775390625e-8,
      [0x7C00, 0xFC00, 0x7E00]
    ),
    (
      "BF16", [0x7F7F, 0x0001, 0x3F80, 0xC020], 3.3895313892515355e38, 9.183549615799121e-41,
      [0x7F80, 0xFF80, 0x7FC0]
    ),
    ("F8_E5M2", [0x7B, 0x01, 0x3C, 0xC1], 57344, 1.52587890625e-5, [0x7C, 0xFC, 0x7D]),
    ("F8_E4M3", [0x7E, 0x01, 0x38, 0xC2], 448, 0.001953125, [0x7F, 0xFF]),
    ("F8_E5M2FNUZ", [0x7F, 0x01, 0x40, 0xC5], 57344, 7.62939453125e-6, [0x80]),
    ("F8_E4M3FNUZ", [0x7F, 0x01, 0x40, 0xCA], 240, 0.0009765625, [0x80]),
  ])
  func valuesAreThoseOfTheFormat(
    _ type: String, _ finite: [Int], _ largest: Double, _ smallest: Double, _ others: [Int]
  ) throws {
    func measured(_ patterns: [Int]) throws -> TensorStatistics {
      let bytes =
        type.contains("F8")
        ? littleEndian(patterns.map { UInt8($0) }) : littleEndian(patterns.map { UInt16($0) })
      return try #require(
        try TensorFileSummary(path: file(type, [patterns.count], bytes)).tensors.first?.statistics)
    }
    #expect(
      try measured([finite[0]]).largest == largest && measured([finite[1]]).largest == smallest
        && measured([0]).largest == 0)
    #expect(
      try measured([finite[2]]).norm == 1 && measured([finite[3]]).norm == 2.5
        && measured([finite[2], finite[3]]).squares == 7.25)
    let mixed = try measured(others + [finite[2]])
    #expect(mixed.nonFinite == others.count && mixed.norm == 1)
  }

  @Test func scalesAndComplexNumbersAreMeasured() throws {
    let scales = try TensorFileSummary(path: file("F8_E8M0", [3], [127, 129, 255])).total
    #expect(scales?.squares == 17 && scales?.nonFinite == 1)
    #expect(try TensorFileSummary(path: file("F8_E8M0", [2], [0, 254])).total?.largest == 0x1p127)
    let complex = try TensorFileSummary(
      path: file("C64", [2], littleEndian([Float(3), -4, 12, 0].map(\.bitPattern))))
    #expect(complex.total?.norm == 13 && complex.elementCount == 2)
  }

  @Test(arguments: [1, 1e300, 1e-300, 1e150]) func normsOfAnyDoubleAreMeasured(_ scale: Double)
    throws
  {
    let statistics = try TensorFileSummary(
      path: file("F64", [3], littleEndian([3 * scale, -4 * scale, 0x1p-1070].map(\.bitPattern)))
    ).total
    #expect(
      abs(try #require(statistics?.norm) - 5 * scale) <= 1e-15 * 5 * scale,
      "\(statistics?.norm ?? 0)")
    #expect(
      abs(try #require(statistics?.rootMeanSquare) - 5 * scale / 3.squareRoot()) <= 1e-15 * 5
        * scale)
  }

  @Test func doublesAndHalvesAreTakenAsFloats() throws {
    func floats(_ type: String, _ bytes: [UInt8], _ count: Int) throws -> [Float] {
      try SafeTensors(path: file(type, [count], bytes)).floats(named: "x")
    }
    #expect(
      try floats("F64", littleEndian([0.1, -2.5, 1e-50].map(\.bitPattern)), 3) == [0.1, -2.5, 0])
    #expect(try floats("F64", littleEndian([Double.infinity.bitPattern]), 1) == [.infinity])
    #expect(
      try floats("F16", littleEndian([0x3C00, 0xC100, 0x0001] as [UInt16]), 3) == [
        1, -2.5, 0x1p-24,
      ])
    #expect(try floats("BF16", littleEndian([0x3F80, 0xC020] as [UInt16]), 2) == [1, -2.5])
    let error = #expect(throws: FileError.self) {
      try floats("F64", littleEndian([1, 1e300].map(\.bitPattern)), 2)
    }
    #expect(error?.what == "tensor \"x\" holds 1e+300, too large for F32")
    let refused = #expect(throws: FileError.self) { try floats("F8_E4M3", [0, 0], 2) }
    #expect(
      refused?.what == "tensor \"x\" is F8_E4M3, not F32, F64, F16 or BF16"
        && refused?.remedy == "convert it to F32")
  }
}
