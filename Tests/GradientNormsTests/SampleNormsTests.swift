import Foundation
import GradientNorms
import Testing

@Suite struct SampleNormsTests {
  /// Norms over eight orders of magnitude, with repeated ones.
  static let samples = (0..<300).map { index in
    SampleNorms.Sample(
      index: index, norm: exp2(Double((index * 7919) % 101) / 4 - 15), rank: index % 5)
  }

  static func norms(_ samples: some Sequence<SampleNorms.Sample>) -> SampleNorms {
    var norms = SampleNorms()
    for sample in samples { norms.add(sample) }
    return norms
  }

  static func combined(_ parts: [SampleNorms]) -> SampleNorms {
    var whole = SampleNorms()
    for part in parts {
      whole.reduce { words in
        words.withUnsafeMutableBufferPointer { words in
          part.record.withUnsafeBufferPointer {
            SampleNorms.combine($0.baseAddress!, into: words.baseAddress!)
          }
        }
      }
    }
    return whole
  }

  /// However samples are divided and parts are combined, the result is the same.
  @Test(arguments: [1, 2, 3, 7, 300]) func divisionDoesNotShow(_ count: Int) {
    let parts = (0..<count).map { part in
      Self.norms(Self.samples.filter { $0.index % count == part }.reversed())
    }
    let whole = Self.norms(Self.samples)
    #expect(Self.combined(parts) == whole)
    #expect(Self.combined(parts.reversed()) == whole)
    #expect(whole.count == 300)
  }

  @Test func theLargestAreInOrder() {
    let truth = Self.samples.sorted { ($1.norm, $0.index) < ($0.norm, $1.index) }.prefix(8)
    #expect(Self.norms(Self.samples).largest == Array(truth))
    #expect(Self.norms(Self.samples.prefix(3)).largest.count == 3)
    #expect(SampleNorms().largest.isEmpty && SampleNorms().quantile(0.5) == nil)
  }

  @Test(arguments: [0.05, 0.3, 0.5, 0.95, 0.99]) func quantilesAreWithinABin(_ share: Double) throws
  {
    let sorted = Self.samples.map(\.norm).sorted()
    let truth = sorted[Int(share * 300)]
    let quantile = try #require(Self.norms(Self.samples).quantile(share))
    // The samples' own norms are a fifth apart.
    #expect((truth / 1.3...truth * 1.3).contains(quantile), "\(quantile), not \(truth)")
  }

  @Test func whatIsOutsideTheBinsCounts() {
    let norms = Self.norms(
      [0, 1e-30, 1e30, .infinity, .nan].enumerated().map {
        SampleNorms.Sample(index: $0, norm: $1, rank: 0)
      })
    #expect(norms.count == 5)
    #expect(norms.largest.map(\.index) == [3, 4, 2, 1, 0])
    #expect(norms.largest.map(\.norm) == [.infinity, .infinity, 1e30, 1e-30, 0])
    #expect(norms.quantile(1) == .infinity || norms.quantile(1)! >= 4096)
  }
}
