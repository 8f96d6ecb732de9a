import Foundation
import GradientNorms
import Testing
import Vectors

/// The verdict `overfitting`, on synthetic trajectories of both losses.
@Suite struct OverfittingTests {
  /// A run of `steps` steps with these training losses, whose held-out loss is evaluated every
  /// `every` steps; both have Gaussian noise of these deviations.
  private func verdict(
    steps: Int = 1200, every: Int = 50, seed: UInt64 = 1, noise: (train: Double, heldOut: Double),
    train: (Double) -> Double, heldOut: (Double) -> Double
  ) -> ConvergenceVerdict {
    var stream = RandomStream(0x6F76, seed)
    var tracker = ConvergenceTracker()
    var policy = StepPolicy(rule: .none, skip: SkipPolicy(skipLimit: .max), tensorSizes: [1])
    for step in 1...steps {
      let x = Double(step) / Double(steps)
      var ledger = NormLedger(LedgerLayout(tensorCount: 1), rank: 0)
      let loss = train(x) + noise.train * stream.gaussian()
      ledger.contribute(samples: 1, of: 1, loss: loss, weightedSquares: [1], rank: 0)
      ledger[.squares, 0] = 1
      if step > 1 { (ledger[.squaredUpdate], ledger[.squaredWeights]) = (1e-4, 1) }
      tracker.record(ledger, policy.decide(ledger), rate: 0.01)
      if step % every == 0 {
        tracker.record(heldOut: heldOut(x) + noise.heldOut * stream.gaussian(), at: step)
      }
    }
    return tracker.verdict(stopped: false)
  }

  private func falling(_ x: Double) -> Double { 0.05 + 2 * exp(-4 * x) }
  /// Lowest at a third of the run.
  private func parting(_ x: Double) -> Double {
    0.05 + 2 * exp(-4 * x) + max(0, x - 0.2) * 1.5
  }

  @Test(arguments: [0.001, 0.01, 0.03]) func aLossThatPartsFromTheOtherIsOverfitting(noise: Double)
    throws
  {
    for seed in 1...20 as ClosedRange<UInt64> {
      let verdict = verdict(seed: seed, noise: (0.05, noise), train: falling, heldOut: parting)
      #expect(verdict.kind == .overfitting, "\(seed): \(verdict)")
      let first = try #require(verdict.reasons.first)
      #expect(first.hasPrefix("The loss on the rows held out was lowest after step "))
      #expect(
        verdict.reasons.dropFirst().first?.contains("The two part after step ") == true
          && verdict.reasons.count >= 4)
    }
  }

  /// The numbers of the reasons are those of the records.
  @Test func reasonsCanBeChecked() {
    let verdict = verdict(
      steps: 100, every: 10, noise: (0, 0), train: { 2 - $0 },
      heldOut: { $0 <= 0.35 ? 2 - $0 : 1.7 + ($0 - 0.3) })
    #expect(verdict.kind == .overfitting)
    #expect(
      verdict.reasons[0]
        == "The loss on the rows held out was lowest after step 30, 1.7, and has risen since to 2.4 after step 100; the fitted change over the 7 evaluations after the lowest is 0.6 ± 0."
        || verdict.reasons[0].hasPrefix(
          "The loss on the rows held out was lowest after step 30, 1.7, and has risen since to 2.4 after step 100; the fitted change over the 7 evaluations after the lowest is 0.6 ± "
        ), "\(verdict.reasons[0])")
    #expect(
      verdict.reasons[1].contains("The two part after step 30: "), "\(verdict.reasons[1])")
  }

  /// Noise about a level, about a fall, and with memory of up to five evaluations is no rise.
  @Test func noiseIsNotOverfitting() {
    var alarms = 0
    for seed in 1...60 as ClosedRange<UInt64> {
      for noise in [0.01, 0.1] {
        for heldOut in [{ _ in 1.0 }, falling, { 0.5 + 2 * exp(-12 * $0) }] as [(Double) -> Double]
        {
          let verdict = verdict(
            steps: 240, every: 10, seed: seed, noise: (0.02, noise), train: falling,
            heldOut: heldOut)
          if verdict.kind == .overfitting { alarms += 1 }
        }
      }
    }
    #expect(alarms <= 1, "\(alarms) of 360")
  }

  @Test func aLossThatWandersIsSeldomTakenForOne() {
    var alarms = 0
    for seed in 1...60 as ClosedRange<UInt64> {
      var stream = RandomStream(0x7761, seed)
      var state = stream.gaussian()
      let verdict = verdict(
        steps: 600, every: 10, seed: seed, noise: (0.02, 0), train: falling,
        heldOut: { _ in
          state = 0.8 * state + 0.6 * stream.gaussian()
          return 1 + 0.1 * state
        })
      if verdict.kind == .overfitting { alarms += 1 }
    }
    #expect(alarms <= 3, "\(alarms) of 60")
  }

  /// A rise that is small, of three evaluations, or while the training loss rests or rises.
  @Test func whatIsNotForCertainIsNotOverfitting() {
    func kind(
      _ every: Int = 50, train: @escaping (Double) -> Double, heldOut: @escaping (Double) -> Double
    ) -> ConvergenceVerdict.Kind {
      verdict(every: every, noise: (0.02, 0.005), train: train, heldOut: heldOut).kind
    }
    #expect(kind(train: falling) { 1 + 0.03 * $0 } != .overfitting)
    #expect(kind(400, train: falling, heldOut: parting) != .overfitting)
    #expect(kind(train: { _ in 1 }, heldOut: parting) != .overfitting)
    #expect(kind(train: { 1 + $0 }, heldOut: parting) == .diverging)
    #expect(kind(train: falling, heldOut: falling) == .converging)
    // Evaluated once, or not at all.
    #expect(kind(1200, train: falling, heldOut: parting) == .converging)
    #expect(kind(5000, train: falling, heldOut: parting) == .converging)
  }

  /// A run that evaluates at every step keeps a bounded number of means, and the same answer.
  @Test func manyEvaluationsAreKeptAsMeans() {
    var series = HeldOutSeries()
    for step in 1...5000 { series.append(Double(step), at: step) }
    #expect(series.stride == 32 && series.parts.count == 157)
    #expect(series.parts.map(\.count).reduce(0, +) == 5000)
    #expect(series.parts[0].mean == 16.5 && series.parts[1].firstStep == 33)
    #expect(series.parts.last?.lastStep == 5000)
    let verdict = verdict(
      steps: 3000, every: 1, noise: (0.05, 0.05), train: falling, heldOut: parting)
    #expect(verdict.kind == .overfitting, "\(verdict)")
    #expect(verdict.reasons[0].contains("in the mean of "))
  }

  @Test func theStateIsReadBack() throws {
    var tracker = ConvergenceTracker()
    tracker.record(heldOut: 0.5, at: 3)
    tracker.record(heldOut: .nan, at: 4)
    let text = try JSONEncoder().encode(tracker)
    #expect(try JSONDecoder().decode(ConvergenceTracker.self, from: text) == tracker)
    let older = try JSONEncoder().encode(ConvergenceTracker())
    #expect(!String(decoding: older, as: UTF8.self).contains("heldOut"))
  }
}
