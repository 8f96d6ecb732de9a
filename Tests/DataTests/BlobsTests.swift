import Data
import Foundation
import Testing
import Vectors

@Suite struct BlobsTests {
  private func sample(_ blobs: Blobs, _ index: UInt32) -> (label: Int32, inputs: [Float]) {
    var batch = Batch(capacity: 1, shape: blobs.shape)
    try! blobs.fill(&batch, with: [index])
    return (batch.labels[0], Array(batch.inputs))
  }

  @Test func aSampleIsAFunctionOfSeedAndIndex() {
    let blobs = Blobs(classes: 3, dimensions: 4, samples: 30, seed: 7)
    #expect(sample(blobs, 5) == sample(Blobs(classes: 3, dimensions: 4, samples: 3000, seed: 7), 5))
    #expect(sample(blobs, 5) != sample(Blobs(classes: 3, dimensions: 4, samples: 30, seed: 8), 5))
    #expect(sample(blobs, 5) != sample(blobs, 8))
    #expect(sample(blobs, 5).label == 2)
  }

  @Test func theTestSplitHoldsFurtherSamplesOfTheSameClusters() {
    let all = Blobs(classes: 3, dimensions: 4, samples: 50, seed: 7)
    let test = Blobs(classes: 3, dimensions: 4, samples: 30, seed: 7).further(20)
    #expect(test.count == 20)
    for index in 0..<20 { #expect(sample(test, UInt32(index)) == sample(all, UInt32(30 + index))) }
  }

  @Test func moreSamplesThanABatchHoldsTrap() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var batch = Batch(capacity: 2, shape: SampleShape(inputs: 4, labels: 1, classes: 3))
      try Blobs(classes: 3, dimensions: 4, samples: 30, seed: 7).fill(&batch, with: [0, 1, 2])
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("3 samples of") && message.contains("do not fit a batch of 2 times"))
  }

  @Test func spreadIsTheStandardDeviationAroundTheCentre() {
    let count = 20_000
    let wide = Blobs(classes: 1, dimensions: 1, samples: count, spread: 0.5, seed: 1)
    let centre = Double(
      sample(Blobs(classes: 1, dimensions: 1, samples: 1, spread: 0, seed: 1), 0).inputs[0])
    let deviations = (0..<count).map { Double(sample(wide, UInt32($0)).inputs[0]) - centre }
    let mean = deviations.reduce(0, +) / Double(count)
    let variance = deviations.reduce(0) { $0 + $1 * $1 } / Double(count)
    // Four standard errors.
    #expect(abs(mean) < 4 * 0.5 / Double(count).squareRoot())
    #expect(abs(variance / 0.25 - 1) < 4 * (2 / Double(count)).squareRoot())
  }

  /// The polar method over the same stream with libm's logarithm, computed by another program.
  @Test func gaussiansAreThosePinned() {
    var stream = RandomStream(1, 2, 3)
    for pinned in [
      0.5999386738669988, 0.5921877159830831, 0.5738411388971585, 1.145616962909728,
      -0.3924901046928309, 2.0485917545541974,
    ] {
      let value = stream.gaussian()
      #expect(abs(value - pinned) <= 4 * pinned.ulp.magnitude)
    }
  }

  @Test func gaussiansHaveTheNormalsMomentsAndTails() {
    var stream = RandomStream(3)
    let values = (0..<100_000).map { _ in stream.gaussian() }
    let n = Double(values.count)
    #expect(abs(values.reduce(0) { $0 + $1 * $1 * $1 * $1 } / n - 3) < 4 * (96 / n).squareRoot())
    for limit in [0.5, 1.0, 2.0, 3.0] {
      let expected = erfc(limit / 2.0.squareRoot())
      let share = Double(values.count { abs($0) > limit }) / n
      #expect(
        abs(share - expected) < 4 * (expected * (1 - expected) / n).squareRoot(), "beyond \(limit)")
    }
  }
}
