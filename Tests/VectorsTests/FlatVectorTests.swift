import Testing
import Vectors

@Suite struct FlatVectorTests {
  static func vector(_ values: [Float]) -> FlatVector {
    var vector = FlatVector(zeros: TensorLayoutTests.layout([values.count]))
    vector.set(0, to: values)
    return vector
  }

  static func random(_ count: Int, seed: UInt64, size: Double = 1) -> [Float] {
    var random = RandomStream(seed)
    return (0..<count).map { _ in Float(random.uniform(-size..<size)) }
  }

  static func naiveSum(_ values: some Sequence<Float>) -> Double {
    values.reduce(0) { $0 + Double($1) * Double($1) }
  }

  /// Two orders of adding n Doubles differ by at most n·1.1e-16 of the sum.
  @Test(arguments: [1, 2, 15, 16, 17, 63, 64, 65, 129, 1000, 4099])
  func squaredNormIsTheSumOfSquares(_ count: Int) {
    for size in [1, 1e-30, 1e30] {
      let values = Self.random(count, seed: UInt64(count), size: size)
      let expected = Self.naiveSum(values)
      let vector = Self.vector(values)
      let whole = vector.squaredNorm()
      #expect(expected > 0 && abs(whole - expected) < 1e-12 * expected)
      let range = count / 3..<count - count / 5
      let part = vector.squaredNorm(in: range)
      let expectedPart = Self.naiveSum(values[range])
      #expect(abs(part - expectedPart) <= 1e-12 * expectedPart)
    }
  }

  /// Float32 squares of these would be 0 and infinite.
  @Test func squaredNormNeitherUnderflowsNorOverflows() {
    let tiny = Self.vector([1e-30, 1e-30, -1e-30]).squaredNorm()
    let small = Double(Float(1e-30))
    #expect(abs(tiny - 3 * small * small) < 1e-15 * tiny)
    let huge = Self.vector([Float](repeating: .greatestFiniteMagnitude, count: 100)).squaredNorm()
    #expect(huge.isFinite && huge > 1e78)
    let denormal = Self.vector([.leastNonzeroMagnitude]).squaredNorm()
    #expect(denormal == 0x1p-298)
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity], [0, 40, 63, 64, 98])
  func nonFiniteElementsShow(_ bad: Float, _ position: Int) {
    var values = Self.random(99, seed: 1)
    values[position] = bad
    let norm = Self.vector(values).squaredNorm()
    #expect(bad.isNaN ? norm.isNaN : norm == .infinity)
  }

  @Test func emptyRangesHaveNoNorm() {
    let norm = Self.vector([1, 2]).squaredNorm(in: 1..<1)
    #expect(norm == 0)
  }

  @Test func copiesAddsAndScales() {
    let (a, b) = (Self.random(37, seed: 1), Self.random(37, seed: 2))
    let other = Self.vector(b)
    var vector = FlatVector(copying: Self.vector(a))
    vector.add(other)
    vector.scale(by: 3)
    let result = vector["tensor.0"]
    #expect(result == zip(a, b).map { ($0 + $1) * 3 })
    vector.setToZero(in: 1..<36)
    let ends = vector["tensor.0"]!
    #expect(
      ends[0] == (a[0] + b[0]) * 3 && ends[36] == (a[36] + b[36]) * 3
        && ends[1..<36].allSatisfy { $0 == 0 })
    vector.copy(from: other)
    let copied = vector["tensor.0"]
    #expect(copied == b)
    vector.setToZero()
    let norm = vector.squaredNorm()
    #expect(norm == 0)
    let missing = vector["tensor.1"]
    #expect(missing == nil)
  }

  /// Any of the vectors may be the one that is written.
  @Test(arguments: [1, 2, 3, 8], [1, 17, 64, 131, 1000]) func sumsVectorsInTheirOrder(
    _ sources: Int, _ count: Int
  ) {
    let values = (0..<sources).map { Self.random(count, seed: UInt64($0)) }
    let range = count / 5..<count - count / 7
    let sums = range.map { position in
      values.dropFirst().reduce(values[0][position]) { $0 + $1[position] }
    }
    let boxes = values.map(VectorBox.init)
    for box in boxes + [VectorBox([Float](repeating: 9, count: count))] {
      let before = box.vector["tensor.0"]!
      let squares = box.vector.set(range, toSumOf: boxes.map { $0.vector.base })
      let after = box.vector["tensor.0"]!
      #expect(
        Array(after[range]) == sums && after[..<range.lowerBound] == before[..<range.lowerBound])
      #expect(after[range.upperBound...] == before[range.upperBound...])
      #expect(squares.bitPattern == box.vector.squaredNorm(in: range).bitPattern)
      box.vector.set(0, to: before)
      guard sources == 2 else { continue }
      let starts = boxes.map { UnsafePointer($0.vector.base) + range.lowerBound }
      #expect(
        box.vector.set(range, toSumOf: starts[0], and: starts[1]).bitPattern == squares.bitPattern)
      #expect(box.vector["tensor.0"]! == after)
      box.vector.set(0, to: before)
    }
  }

  @Test func borrowedMemoryIsNotFreed() {
    var vector = Optional(Memory())
    weak let memory = vector
    do {
      let borrowed = FlatVector(TensorLayoutTests.layout([20]), at: vector!.start, keptBy: vector!)
      vector = nil
      let norm = borrowed.squaredNorm()
      #expect(norm == 0 && memory != nil)
    }
    #expect(memory == nil)
  }

  private final class Memory {
    let start = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 64).initializeMemory(
      as: Float.self, repeating: 0, count: 32)
    deinit { start.deallocate() }
  }

  private final class VectorBox {
    var vector: FlatVector
    init(_ values: [Float]) { vector = FlatVectorTests.vector(values) }
  }

  @Test func startsAtACacheLine() {
    let vector = Self.vector([1])
    #expect(UInt(bitPattern: vector.base) % 64 == 0)
    let count = vector.elements.count
    #expect(count == 16)
  }

  @Test func rangesOutsideTrap() async {
    await #expect(processExitsWith: .failure) {
      _ = FlatVectorTests.vector([1]).squaredNorm(in: 0..<17)
    }
  }
}
