import Foundation
import Scaling
import Testing

/// Fits against SciPy's on stored points (scipy 1.17: `curve_fit`, `nnls`, `stats.t`; numpy
/// `quantile`).
@Suite struct FitTests {
  private struct Golden: Decodable {
    struct Law: Decodable {
      let law: String
      let ranks: [Int]
      let throughput: [Double]
      let coefficients: [Double]
      /// Half the width of the 95 % interval.
      let half: [Double]
    }
    struct Linear: Decodable {
      let rows: [[Double]]
      let values: [Double]
      let coefficients: [Double]
      let errors: [Double]?
    }
    struct Quantiles: Decodable {
      let values: [Double]
      let quartiles: [Double]
    }
    let laws: [Law]
    let nonNegative: [Linear]
    let linear: Linear
    let student: [[Double]]
    let quantiles: [Quantiles]
  }

  private static let golden: Golden = {
    let url = Bundle.module.url(
      forResource: "scipy", withExtension: "json", subdirectory: "Golden")!
    return try! JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
  }()

  private func near(_ a: Double, _ b: Double, _ tolerance: Double = 1e-3) -> Bool {
    abs(a - b) <= tolerance * max(abs(b), 1e-12)
  }

  @Test func lawsAgreeWithSciPy() throws {
    for golden in Self.golden.laws {
      let law = try #require(ScalingLaw(rawValue: golden.law))
      let fit = try #require(
        ScalingFit(
          law, Array(zip(golden.ranks, golden.throughput)).map { (ranks: $0.0, throughput: $0.1) }))
      for (index, estimate) in ([fit.base] + fit.coefficients).enumerated() {
        #expect(
          near(estimate.value, golden.coefficients[index]),
          "\(law) \(index): \(estimate.value), \(golden.coefficients[index])")
        let interval = try #require(estimate.interval())
        // The lower end may be cut off where the law's bound is.
        let half = interval.upperBound - estimate.value
        #expect(near(half, golden.half[index]), "\(law) \(index): ± \(half), \(golden.half[index])")
      }
    }
  }

  @Test func linearFitsAgreeWithSciPy() throws {
    let golden = Self.golden.linear
    let fit = try #require(
      LinearFit(rows: golden.rows, values: golden.values, deviations: golden.values))
    let errors = try #require(golden.errors)
    for (estimate, (value, error)) in zip(fit.coefficients, zip(golden.coefficients, errors)) {
      #expect(
        near(estimate.value, value, 1e-6) && near(estimate.standardError ?? .nan, error, 1e-6),
        "\(estimate)")
    }
    for golden in Self.golden.nonNegative {
      let fit = try #require(
        LinearFit.nonNegative(rows: golden.rows, values: golden.values, deviations: golden.values))
      for (estimate, value) in zip(fit.coefficients, golden.coefficients) {
        #expect(
          value == 0 ? estimate.value == 0 : near(estimate.value, value),
          "\(fit.coefficients.map(\.value)), \(golden.coefficients)")
      }
    }
  }

  @Test func quantilesAreThoseOfNumPy() throws {
    for golden in Self.golden.quantiles {
      let spread = try #require(Quartiles(golden.values))
      for (a, b) in zip(
        [spread.lowerQuartile, spread.median, spread.upperQuartile], golden.quartiles)
      { #expect(near(a, b, 1e-12)) }
    }
    #expect(Quartiles([Double]()) == nil)
  }

  @Test func intervalsAreThoseOfStudentsT() throws {
    for row in Self.golden.student {
      let estimate = Estimate(value: 0, standardError: 1, degreesOfFreedom: Int(row[1]))
      let reach = try #require(estimate.interval(confidence: 2 * row[0] - 1)).upperBound
      #expect(near(reach, row[2], 1e-9), "t(\(row[0]), \(row[1])) = \(reach), not \(row[2])")
    }
  }

  @Test func coefficientsThatThePointsDoNotDetermineAreNil() throws {
    #expect(ScalingFit(.usl, [(1, 10), (2, 18)]) == nil, "three numbers from two rank counts")
    let exact = try #require(ScalingFit(.amdahl, [(1, 10), (2, 18)]))
    #expect(
      exact.coefficients[0].interval() == nil && abs(exact.coefficients[0].value - 1.0 / 9) < 1e-9)
    #expect(
      LinearFit(rows: [[1, 2], [2, 4], [3, 6]], values: [1, 2, 3]) == nil, "columns that are one")
    let linear = try #require(ScalingFit(.usl, [(1, 10), (2, 20.1), (4, 40.3), (8, 80.9)]))
    #expect(linear.coefficients.map(\.value) == [0, 0] && linear.peak == nil)
  }

  @Test func aFitRecoversTheCriticalBatch() throws {
    let truth = CriticalBatch(noiseScale: 300, steps: 400, batch: 100)
    #expect(abs(truth.fewestSteps - 100) < 1e-12)
    let points = [16.0, 64, 256, 1024].map {
      (steps: truth.steps(batch: $0), samples: truth.steps(batch: $0) * $0)
    }
    let fit = try #require(CriticalBatch(points))
    #expect(abs(fit.batch / 300 - 1) < 1e-9 && abs(fit.fewestSteps / 100 - 1) < 1e-9)
  }
}
