import RankTesting
import TensorFiles
import Testing

@Suite struct TensorFileSummaryTests {
  @Test func normsAreThoseOfTheValues() throws {
    let files = TemporaryFolder()
    let path = files.path + "/x.safetensors"
    var writer = try SafeTensorsWriter(
      path: path, tensors: [("a", [2, 2]), ("big", [600_001]), ("none", [0])])
    try writer.append([3, -4, .nan, -.infinity].span)
    try writer.append([Float](repeating: -0.5, count: 600_001).span)
    try writer.append([Float]().span)
    let digest = try writer.finish()

    let summary = try TensorFileSummary(path: path)
    #expect(
      summary.sha256 == digest && summary.tensors.map(\.name).sorted() == ["a", "big", "none"])
    let a = try #require(summary.tensors.first { $0.name == "a" }?.statistics)
    #expect(
      a.norm == 5 && a.largest == 4 && a.nonFinite == 2 && a.rootMeanSquare == 12.5.squareRoot()
        && a.count == 4)
    // More than one piece; 0.25 times a whole number is exact.
    let big = try #require(summary.tensors.first { $0.name == "big" }?.statistics)
    #expect(
      big.squares == 150_000.25 && big.rootMeanSquare == 0.5 && big.largest == 0.5
        && big.count == 600_001)
    #expect(summary.tensors.first { $0.name == "none" }?.statistics == TensorStatistics())
    #expect(
      summary.total?.squares == 150_025.25 && summary.total?.nonFinite == 2
        && summary.elementCount == 600_005)
  }
}
