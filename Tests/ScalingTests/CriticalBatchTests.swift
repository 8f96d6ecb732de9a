import Foundation
import Recording
import Scaling
import ScalingStudy
import Testing

/// The judgement on branches, their samples, and the law of their steps, against numbers that NumPy
/// computed (`mean`, `std(ddof=1)`, `linalg.lstsq` of rows weighted by 1/S).
@Suite struct CriticalBatchTests {
  private func near(_ a: Double?, _ b: Double, _ tolerance: Double = 1e-9) -> Bool {
    a.map { abs($0 - b) <= tolerance * max(1e-3, abs(b)) } ?? false
  }

  // MARK: The judgement

  @Test func theLargestFactorWithinTwoStandardErrorsIsCritical() throws {
    let judgement = BatchJudgement([
      (1, [0.500, 0.512, 0.506]), (2, [0.502, 0.511, 0.508]), (4, [0.505, 0.515, 0.507]),
      (8, [0.530, 0.538, 0.541]),
    ])
    let expected: [(mean: Double, excess: Double, epsilon: Double, isNoWorse: Bool)] = [
      (0.507, 0.001, 0.002, true), (0.509, 0.003, 0.0023094010767585054, false),
      (0.5363333333333333, 0.03033333333333336, 0.005206833117271108, false),
    ]
    for (row, expected) in zip(judgement.rows.dropFirst(), expected) {
      #expect(
        near(row.mean, expected.mean) && near(row.excess, expected.excess)
          && near(row.epsilon, expected.epsilon) && row.isNoWorse == expected.isNoWorse, "\(row)")
    }
    let first = judgement.rows[0]
    #expect(near(first.mean, 0.506) && first.excess == nil && first.isNoWorse)
    #expect(judgement.critical == 2 && judgement.next == 4 && judgement.inconsistent.isEmpty)
  }

  /// Orders that differ far more than batches do: a comparison that does not pair them would see
  /// nothing.
  @Test func lossesAreComparedOrderByOrder() {
    let judgement = BatchJudgement([
      (1, [0.2, 0.5, 0.8]), (2, [0.21, 0.511, 0.809]), (4, [0.1, 0.4, 0.7]),
    ])
    #expect(!judgement.rows[1].isNoWorse && judgement.rows[2].isNoWorse)
    #expect(judgement.critical == 4 && judgement.next == nil && judgement.inconsistent == [2])
  }

  @Test func aLossThatIsNotFiniteIsWorse() {
    let judgement = BatchJudgement([(1, [0.2, 0.5]), (2, [0.1, nil])])
    #expect(judgement.rows[1].mean == nil && judgement.rows[1].epsilon == nil)
    #expect(judgement.critical == 1 && judgement.next == 2)
    let none = BatchJudgement([(1, [0.2, nil]), (2, [0.1, 0.1])])
    #expect(none.critical == nil && none.next == nil)
  }

  // MARK: The samples

  /// All batches end on the same sample, and whole steps of the run's own batch do.
  @Test(arguments: [
    // An epoch without a rest; within one epoch; over its end; up to its end.
    (start: 160, wanted: 1000, epoch: 1600, end: 1056), (160, 3000, 1600, 3136),
    (160, 1450, 1600, 1600),
    // An epoch whose last batch is short.
    (160, 3000, 1000, 3128), (960, 700, 1000, 1640),
  ])
  func branchesEndOnTheSameSample(start: Int, wanted: Int, epoch: Int, end: Int) throws {
    let factors = [1, 2, 4]
    let window = try #require(
      BranchWindow(start: start, wanted: wanted, epoch: epoch, batch: 32, factors: factors))
    #expect(window.end == end && window.samples == end - start)
    for factor in factors {
      var (samples, steps) = (start, 0)
      while samples < end {
        samples += min(32 * factor, epoch - samples % epoch)
        steps += 1
      }
      #expect(samples == end && steps >= 4, "k = \(factor)")
    }
    var (samples, steps) = (0, 0)
    while samples < end {
      samples += min(32, epoch - samples % epoch)
      steps += 1
    }
    #expect(steps == window.endStep)
  }

  @Test func factorsThatDoNotDivideEachOtherEndTogetherToo() throws {
    let window = try #require(
      BranchWindow(start: 0, wanted: 1000, epoch: 5000, batch: 10, factors: [1, 2, 3]))
    #expect(window.end == 960)
    #expect(
      BranchWindow(start: 0, wanted: 119, epoch: 5000, batch: 10, factors: [1, 2, 3]) == nil)
  }

  // MARK: The law

  /// Curves that fall along straight lines, so that steps to a loss are exact: from 3 to the loss
  /// of 2 in S(B) steps, and a third further.
  private func curve(_ batch: Int, steps: Double) -> StepsToLoss.Curve {
    (batch, (0...4).map { (steps: steps * Double($0) / 3, loss: 3 - Double($0) / 3) })
  }

  @Test func eachBatchIsPredictedFromTheOthersAsNumPyDoes() throws {
    let measured = [(32, 1010.0), (64, 560), (128, 270), (256, 190)]
    var curves = measured.map { curve($0.0, steps: $0.1) }
    // One batch ends at the target, and sets it.
    curves[3].points.removeLast()
    let result = try #require(StepsToLoss(curves))
    #expect(near(result.target, 2))
    let predictions = [
      979.1831971995331, 516.6740215214369, 310.0453335137652, 146.66928714835166,
    ]
    for (row, (point, predicted)) in zip(result.rows, zip(measured, predictions)) {
      #expect(row.batch == point.0 && near(row.steps, point.1))
      #expect(near(row.predicted, predicted) && near(row.error, predicted / point.1 - 1, 1e-8))
    }
    #expect(near(result.law?.fewestSteps, 63.78266791208101))
    #expect(near(result.law?.batch, 468.22817874870196))
  }

  @Test func whereStepsSetNoCriticalBatchThereIsNone() throws {
    let inverse = try #require(
      StepsToLoss([32, 64, 128, 256].map { curve($0, steps: 32000 / Double($0)) }))
    #expect(inverse.rows.allSatisfy { near($0.predicted, $0.steps, 1e-6) })
    let faster = try #require(
      StepsToLoss([(32, 1000.0), (64, 400), (128, 150)].map { curve($0.0, steps: $0.1) }))
    #expect(faster.law == nil && faster.rows.allSatisfy { $0.predicted != nil })
    // What never falls has no steps to a loss.
    var rising = curve(512, steps: 100)
    rising.points = rising.points.map { (steps: $0.steps, loss: 6 - $0.loss) }
    var broken = curve(1024, steps: 100)
    broken.points[2].loss = .infinity
    let some = try #require(
      StepsToLoss([curve(32, steps: 900), curve(64, steps: 500), rising, broken]))
    #expect(some.rows.map(\.batch) == [32, 64] && some.rows.allSatisfy { $0.predicted == nil })
    #expect(StepsToLoss([curve(32, steps: 900), rising]) == nil)
  }

  // MARK: The forecast

  /// A study in which k = 2 of a batch of 100 is critical, k = 4 worse.
  private func made(
    forecasts: [BatchStudy.Forecast], critical: Int = 2, factors: [Int] = [1, 2, 4]
  ) -> BatchStudy {
    let branches = (1...2).flatMap { order in
      factors.map { factor in
        let change = factor == 1 ? 0 : order == 1 ? 0.001 : -0.001
        let loss = factor > critical ? 1.5 : 1 + change
        return BatchBranch(
          factor: factor, order: order, steps: 40 / factor, samples: 4000,
          curve: [.init(steps: 0, loss: 2), .init(steps: 40 / factor, loss: loss)])
      }
    }
    return BatchStudy(
      name: "x",
      plan: BatchPlan(
        step: nil, samples: nil, factors: factors, orders: 2, ranks: 2, threads: 1,
        experiment: "seed = 1"),
      start: .init(step: 50, samples: 5000), globalBatch: 100, heldOut: 0.1, ratePower: 1,
      branches: branches, forecasts: forecasts)
  }

  @Test(arguments: [(200.0, 1.0), (399, 1), (100, 0.5), (1200, 3)])
  func aForecastAgreesWhereItLiesInTheBracket(scale: Double, misfit: Double) {
    let forecast = BatchStudy.Forecast(source: "samples", scale: scale)
    let study = made(forecasts: [.init(source: "ranks", scale: nil), forecast])
    #expect(study.criticalBatch == 200 && study.nextBatch == 400)
    #expect(near(study.misfit(of: forecast), misfit))
    let text = BatchStudyText(study).text
    #expect(text.contains("critical batch: 200 samples (k = 2), bracket [200, 400]\n"))
    let sentence =
      misfit == 1
      ? "forecast and measurement agree: the noise scale of samples lies in the bracket"
      : "the noise scale of samples lies \(misfit < 1 ? "below" : "above") the bracket, by a factor of \(misfit < 1 ? "2.0" : "3.0")"
    #expect(text.contains(sentence), "\(text)")
  }

  @Test func nothingIsSaidOfWhatWasNotTried() throws {
    let small = BatchStudy.Forecast(source: "samples", scale: 3)
    let large = BatchStudy.Forecast(source: "samples", scale: 1e6)
    let first = made(forecasts: [small], critical: 1)
    #expect(first.misfit(of: small) == 1)
    #expect(
      BatchStudyText(first).text.contains(
        "critical batch: 100 samples (k = 1), bracket [100, 200]; no smaller one was tried\n"))
    let open = made(forecasts: [large], critical: 4)
    #expect(open.misfit(of: large) == 1 && open.nextBatch == nil)
    #expect(BatchStudyText(open).text.contains("at least 400 samples (k = 4, the largest tried)"))
    let none = made(forecasts: [.init(source: "samples", scale: nil, reason: "why")])
    #expect(BatchStudyText(none).text.contains("noise scale of samples: none: why\n"))
  }

  @Test func aPlanComesBackFromItsFile() throws {
    let plan = BatchPlan(
      step: 5, samples: nil, factors: [1, 2], orders: 3, ranks: 4, threads: 2,
      experiment: "name = \"x\"\n")
    let json = JSONText(of: plan, indented: true).string
    #expect(try JSONDecoder().decode(BatchPlan.self, from: Data(json.utf8)) == plan)
  }
}
