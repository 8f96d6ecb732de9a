import FoundationEssentials
import GradientNorms
import Testing

/// Single rules of the verdict, on invented series of losses and norms.
@Suite struct RuleTests {
  /// A ledger of one part with this loss and a gradient of this norm.
  private func ledger(loss: Double, norm: Double) -> NormLedger {
    var ledger = NormLedger(LedgerLayout(tensorCount: 1), rank: 0)
    ledger.contribute(samples: 1, of: 1, loss: loss, weightedSquares: [norm * norm], rank: 0)
    ledger[.squares, 0] = norm * norm
    return ledger
  }

  private func tracker(_ steps: [(loss: Double, norm: Double)]) -> ConvergenceTracker {
    var tracker = ConvergenceTracker()
    var judge = StepJudge(rule: .none, limits: StepJudge.Guard(skipLimit: .max), tensorSizes: [1])
    for step in steps {
      let ledger = ledger(loss: step.loss, norm: step.norm)
      tracker.record(ledger, judge.judge(ledger), rate: 0.1)
    }
    return tracker
  }

  private func noise(_ step: Int) -> Double { Double((step * 7919) % 101) / 101 - 0.5 }

  @Test func nothingYet() {
    #expect(ConvergenceTracker().verdict(stopped: false) == ConvergenceVerdict(kind: .diverged, reasons: ["No step was taken."]))
    #expect(tracker([(2, 1)]).verdict(stopped: false).kind == .converging)
    #expect(tracker([(2, 1), (1, 1)]).verdict(stopped: false).kind == .converging)
    #expect(tracker([(1, 1), (2, 1)]).verdict(stopped: false).kind == .diverging)
  }

  /// The numbers of a reason are those of the records: a straight line that falls from 3 to 2.7 in the last eleven of 31 steps.
  @Test func reasonsCanBeChecked() {
    let verdict = tracker((0...30).map { (3 - 0.03 * Double(max(0, $0 - 20)), 1) }).verdict(stopped: false)
    #expect(verdict.kind == .converging)
    #expect(
      verdict.reasons[0]
        == "In steps 21–31 the loss fell from 3 (mean of 21) to 2.7 (31); the fitted change is -0.3 ± 0. It began at 3.")
    #expect(verdict.reasons[1] == "At this pace the loss takes about 45 steps to halve.")
    #expect(
      verdict.reasons[2]
        == "The norm was 1 (root mean square), all of its largest, 1 in step 1; with one part a step its noise is not resolved.")
  }

  /// At 0.00001 a step, half of 1.995 takes 99 752 steps; the last eight are told by their mean.
  @Test func saysHowSlow() {
    let verdict = tracker((0..<500).map { (2 - 1e-5 * Double($0), 1) }).verdict(stopped: false)
    #expect(verdict.kind == .converging)
    #expect(
      verdict.reasons[1].hasPrefix("At this pace the loss takes about 99752 steps to halve, 200 times as many as the run had"),
      "\(verdict.reasons)")
  }

  @Test func aSignalIsToldWithWhatTheRunWasDoing() {
    let verdict = tracker((0...30).map { (3 - 0.03 * Double($0), 1) }).verdict(stopped: true)
    #expect(verdict.kind == .stopped)
    #expect(verdict.reasons[0] == "A signal ended the run after step 31; until then it was converging.")
  }

  /// A loss that jumps, and rests where it began: the units are dead.
  @Test func deadAfterAJump() {
    /// The jump in steps 4 to 8, and what comes after it.
    func run(_ after: (Int) -> Double) -> ConvergenceVerdict {
      tracker((1...400).map { step in ((4...8).contains(step) ? 12.0 : after(step), step < 9 ? 20.0 : 0.05) }).verdict(stopped: false)
    }
    #expect(run { 2.3 + 0.01 * noise($0) }.kind == .diverged)
    // It still comes down to where it began, by little.
    #expect(run { 2.33 - 5e-5 * Double($0) }.kind == .diverged)
    // The same jump, overcome.
    #expect(run { $0 < 20 ? 2.3 : 0.5 + 0.01 * noise($0) }.kind != .diverged)
  }

  @Test func skipsAtTheEnd() {
    let calm = (1...100).map { (loss: 1 + 0.01 * noise($0), norm: 1.0) }
    func verdict(_ bad: Int) -> ConvergenceVerdict { tracker(calm + Array(repeating: (.nan, 1), count: bad)).verdict(stopped: false) }
    #expect(verdict(0).kind != .diverged && verdict(1).kind == verdict(0).kind && verdict(2).kind == verdict(0).kind)
    #expect(verdict(3).kind == .diverged)
    #expect(verdict(3).reasons[0] == "The last 3 of 103 steps had a loss or a gradient that is not finite.")
  }

  @Test func noGradientFromTheStart() {
    #expect(tracker((1...50).map { _ in (2.3, 0) }).verdict(stopped: false).kind == .vanishing)
  }

  /// A checkpoint in the middle changes nothing.
  @Test func survivesAFile() throws {
    let steps = (1...700).map { (loss: 2 / Double($0) + 0.1 * noise($0), norm: $0 % 50 == 0 ? .nan : 1 / Double($0)) }
    let whole = tracker(steps)
    var resumed = try JSONDecoder().decode(ConvergenceTracker.self, from: JSONEncoder().encode(tracker(Array(steps.prefix(333)))))
    var judge = StepJudge(rule: .none, tensorSizes: [1])
    for step in steps.dropFirst(333) {
      let ledger = ledger(loss: step.loss, norm: step.norm)
      resumed.record(ledger, judge.judge(ledger), rate: 0.1)
    }
    #expect(resumed == whole && resumed.verdict(stopped: false) == whole.verdict(stopped: false))
  }
}
