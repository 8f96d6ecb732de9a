import Foundation
import GradientNorms
import Testing
import Vectors

/// Single rules of the verdict, on synthetic series of losses and norms.
@Suite struct RuleTests {
  /// A ledger of equal parts with this loss and a gradient of this norm; each part's own gradient
  /// is √parts times as long, which is pure noise.
  private func ledger(loss: Double, norm: Double, parts: Int = 1) -> NormLedger {
    var ledger = NormLedger(LedgerLayout(tensorCount: 1), rank: 0)
    for _ in 0..<parts {
      let own = Double(parts) * norm * norm
      ledger.contribute(
        samples: 1, of: parts, loss: loss, weightedSquares: [own / Double(parts * parts)], rank: 0)
    }
    ledger[.squares, 0] = norm * norm
    return ledger
  }

  /// Of steps with these losses and norms; `update` is ‖Δw‖ of each, nil where no update is
  /// measured; weights have the norm 1.
  private func tracker(
    _ steps: [(loss: Double, norm: Double)], update: Double? = nil, parts: Int = 1,
    rate: (Int) -> Double = { _ in 0.1 }
  ) -> ConvergenceTracker {
    var tracker = ConvergenceTracker()
    var policy = StepPolicy(rule: .none, skip: SkipPolicy(skipLimit: .max), tensorSizes: [1])
    for (index, step) in steps.enumerated() {
      var ledger = ledger(loss: step.loss, norm: step.norm, parts: parts)
      if let update, index > 0 {
        (ledger[.squaredUpdate], ledger[.squaredWeights]) = (update * update, 1)
      }
      tracker.record(ledger, policy.decide(ledger), rate: rate(index))
    }
    return tracker
  }

  /// White noise between −½ and ½.
  private func noise(_ step: Int) -> Double {
    var stream = RandomStream(3, UInt64(step))
    return stream.unit() - 0.5
  }

  @Test func tooFewStepsHaveNoVerdict() {
    #expect(
      ConvergenceTracker().verdict(stopped: false)
        == ConvergenceVerdict(kind: .tooShort, reasons: ["No step was taken."]))
    #expect(tracker([(2, 1)]).verdict(stopped: false).kind == .tooShort)
    #expect(tracker([(2, 1), (1, 1)]).verdict(stopped: false).kind == .tooShort)
    #expect(tracker([(1, 1), (2, 1)]).verdict(stopped: false).kind == .tooShort)
  }

  /// The numbers of a reason are those of the records: a straight line that falls from 3 to 2.7 in
  /// the last eleven of 31 steps.
  @Test func reasonsCanBeChecked() {
    let verdict = tracker((0...30).map { (3 - 0.03 * Double(max(0, $0 - 20)), 1) }).verdict(
      stopped: false)
    #expect(verdict.kind == .converging)
    #expect(
      verdict.reasons == [
        "In steps 21–31 the loss fell from 3 (mean of 21) to 2.7 (31); the fitted change is -0.3 ± 0. It began at 3.",
        "At this pace the loss takes about 45 steps to halve.",
        "The norm was 1 (root mean square), all of its largest, 1 in step 1.",
      ])
  }

  /// At 0.00001 a step, half of 1.995 takes 99 752 steps; the last eight count by their mean.
  @Test func aSlowFallIsReportedWithItsPace() {
    let verdict = tracker((0..<500).map { (2 - 1e-5 * Double($0), 1) }, update: 1e-5).verdict(
      stopped: false)
    #expect(verdict.kind == .converging)
    #expect(
      verdict.reasons[1].hasPrefix(
        "At this pace the loss takes about 99752 steps to halve, 200 times as many as the run had"),
      "\(verdict.reasons)")
  }

  // B1
  /// A fall that bends: 1.294 to 0.0095 in ten steps, whose straight line has an interval that
  /// holds zero.
  @Test func aCurvedFallIsNotFlat() {
    let verdict = tracker((0..<10).map { (1.294 * pow(0.58, Double($0)), pow(0.8, Double($0))) })
      .verdict(stopped: false)
    #expect(verdict.kind == .converging)
    #expect(verdict.reasons[0].contains("the loss fell from 1.294"), "\(verdict.reasons)")
  }

  // B1
  /// No series that has lost a tenth of its value is called flat, whatever its shape, noise and
  /// length.
  @Test func aFallIsNeverCalledFlat() {
    for steps in [5, 10, 30, 100, 400] {
      for noise in [0, 0.01, 0.1, 0.5] {
        for ratio in [0.89, 0.5, 0.01] {
          for power in [0.3, 1, 3] {
            let verdict = tracker(
              (0..<steps).map { step in
                let part = pow(Double(step) / Double(steps - 1), power)
                return ((1 + (ratio - 1) * part) * (1 + noise * self.noise(step)), 1)
              }
            ).verdict(stopped: false)
            let words = verdict.reasons.joined()
            let numbers = words.contains("stayed flat") ? words : ""
            #expect(
              numbers.isEmpty || fallInWords(words) < 0.1,
              "\(steps) \(noise) \(ratio) \(power): \(words)")
          }
        }
      }
    }
  }

  /// By how much the loss that a sentence calls flat fell, as a part of it.
  private func fallInWords(_ text: String) -> Double {
    let numbers = text.components(separatedBy: "stayed flat, ")[1].components(separatedBy: " ")
      .compactMap(Double.init)
    return (numbers[0] - numbers[1]) / numbers[0]
  }

  // B2
  /// The same losses, norms and updates with noise estimates from 2, 4 and 8 parts, and without:
  /// one verdict.
  @Test func aVerdictDoesNotDependOnTheDivision() {
    for (loss, label) in [
      ({ (step: Int) in 1 + 0.05 * self.noise(step) }, ConvergenceVerdict.Kind.noiseFloor),
      ({ step in 1 + 0.5 * pow(0.99, Double(step)) + 0.02 * self.noise(step) }, .converging),
      ({ step in 1 + 0.3 * self.noise(step) }, .tooShort),
    ] {
      let steps = (1...(label == .noiseFloor ? 900 : label == .converging ? 150 : 40)).map {
        (loss: loss($0), norm: 0.5)
      }
      let verdicts = [1, 2, 4, 8].map { parts in
        tracker(steps, update: 0.05, parts: parts).verdict(stopped: false)
      }
      #expect(verdicts.allSatisfy { $0.kind == label }, "\(verdicts.map(\.kind))")
      #expect(verdicts.allSatisfy { $0.reasons[0] == verdicts[0].reasons[0] })
      #expect(verdicts[0].reasons.count < verdicts[1].reasons.count)
    }
  }

  // B12
  /// A loss of exactly 0 with no gradient, from the first step or later: all is learned.
  @Test func aLossOfZeroIsConverged() {
    #expect(tracker((1...50).map { _ in (0, 0) }).verdict(stopped: false).kind == .converged)
    let reached = tracker((1...50).map { $0 < 20 ? (1, 1) : (0, 0) }).verdict(stopped: false)
    #expect(
      reached.kind == .converged && reached.reasons.contains { $0.contains("exactly 0") },
      "\(reached)")
  }

  // B14
  /// Updates of zero: the run is motionless, with noise or without; the reason names that.
  @Test func updatesOfZeroAreMotionless() {
    for steps in [[Double](repeating: 2.3, count: 60), (1...60).map { 2.3 + 0.3 * noise($0) }] {
      for parts in [1, 4] {
        let verdict = tracker(steps.map { ($0, 1) }, update: 0, parts: parts).verdict(
          stopped: false)
        #expect(verdict.kind == .motionless)
        #expect(
          verdict.reasons.contains { $0.contains("No update of these steps changed a weight") })
      }
    }
  }

  // B3
  /// The reasons print no number that the noise hides: no pace after the rate has ended, none of
  /// less than a step, no gradient within its noise.
  @Test func numbersWithinTheirNoiseAreNotPrinted() {
    func pace(_ verdict: ConvergenceVerdict) -> Bool {
      verdict.reasons.contains { $0.contains("to halve") }
    }
    let steps = (0..<300).map { (loss: 3 - 0.005 * Double($0), norm: 1.0) }
    #expect(pace(tracker(steps).verdict(stopped: false)))
    let ended = tracker(steps, rate: { 0.05 * (1 + cos(.pi * Double($0) / 300)) }).verdict(
      stopped: false)
    #expect(ended.kind == .converging && !pace(ended))
    #expect(ended.reasons.contains { $0.contains("The learning rate has come down to") })
    let fast = tracker((0..<12).map { (pow(10, -Double($0)), pow(10, -Double($0))) }).verdict(
      stopped: false)
    #expect(!pace(fast), "\(fast.reasons)")
    let noisy = tracker((1...400).map { (1 + 0.01 * noise($0), 0.5) }, update: 0.05, parts: 4)
      .verdict(stopped: false)
    #expect(
      noisy.reasons.contains { $0.contains("is not resolved") }
        && !noisy.reasons.joined().contains("|G|²"), "\(noisy.reasons)")
  }

  @Test func aStopBySignalIsReportedWithThePreviousVerdict() {
    let verdict = tracker((0...30).map { (3 - 0.03 * Double($0), 1) }).verdict(stopped: true)
    #expect(verdict.kind == .stopped)
    #expect(
      verdict.reasons[0] == "A signal ended the run after step 31; until then it was converging.")
  }

  /// A loss that jumps and then rests where it began: the units are dead.
  @Test func aLossThatRestsAfterAJumpHasDiverged() {
    /// The jump in steps 4 to 8, and what comes after it.
    func run(_ after: (Int) -> Double) -> ConvergenceVerdict {
      tracker(
        (1...400).map { step in
          ((4...8).contains(step) ? 12.0 : after(step), step < 9 ? 20.0 : 0.05)
        }
      ).verdict(stopped: false)
    }
    #expect(run { 2.3 + 0.01 * noise($0) }.kind == .diverged)
    // It still falls a little, towards where it began.
    #expect(run { 2.33 - 5e-5 * Double($0) }.kind == .diverged)
    // The same jump, overcome.
    #expect(run { $0 < 20 ? 2.3 : 0.5 + 0.01 * noise($0) }.kind != .diverged)
  }

  @Test func threeBadStepsAtTheEndAreADivergence() {
    let calm = (1...100).map { (loss: 1 + 0.01 * noise($0), norm: 1.0) }
    func verdict(_ bad: Int) -> ConvergenceVerdict {
      tracker(calm + Array(repeating: (.nan, 1), count: bad)).verdict(stopped: false)
    }
    #expect(
      verdict(0).kind != .diverged && verdict(1).kind == verdict(0).kind
        && verdict(2).kind == verdict(0).kind)
    #expect(verdict(3).kind == .diverged)
    #expect(
      verdict(3).reasons[0]
        == "The last 3 of 103 steps had a loss or a gradient that is not finite.")
  }

  @Test func noGradientFromTheStartIsVanishing() {
    #expect(tracker((1...50).map { _ in (2.3, 0) }).verdict(stopped: false).kind == .vanishing)
  }

  /// A checkpoint in the middle changes nothing.
  @Test func survivesAFile() throws {
    let steps = (1...700).map {
      (loss: 2 / Double($0) + 0.1 * noise($0), norm: $0 % 50 == 0 ? .nan : 1 / Double($0))
    }
    let whole = tracker(steps)
    var resumed = try JSONDecoder().decode(
      ConvergenceTracker.self, from: JSONEncoder().encode(tracker(Array(steps.prefix(333)))))
    var policy = StepPolicy(rule: .none, tensorSizes: [1])
    for step in steps.dropFirst(333) {
      let ledger = ledger(loss: step.loss, norm: step.norm)
      resumed.record(ledger, policy.decide(ledger), rate: 0.1)
    }
    #expect(resumed == whole && resumed.verdict(stopped: false) == whole.verdict(stopped: false))
  }
}
