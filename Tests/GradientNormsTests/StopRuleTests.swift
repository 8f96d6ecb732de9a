import GradientNorms
import Testing

@Suite struct StopRuleTests {
  /// Feeds steps of given norms and losses; returns the step, counted from 1, at which the rule is
  /// met.
  private func stop(_ rule: any StopRule, norms: [Double], losses: [Double]) -> Int? {
    var early = EarlyStop(rule)
    var policy = StepPolicy(rule: .none, tensorSizes: [1])
    for (index, (norm, loss)) in zip(norms, losses).enumerated() {
      // Two ranks with one sample each and the same gradient: the mean gradient's norm is that
      // number.
      let step = ledger(batches: [1, 1], gradients: [[[norm]], [[norm]]], losses: [loss, loss])
      early.record(step, policy.decide(step))
      if early.reason != nil { return index + 1 }
    }
    return nil
  }

  @Test func theNormIsAveragedOverItsWindow() {
    let norms = [4, 3, 0.5, 3, 1, 1, 1.0]
    let losses = norms.map { _ in 1.0 }
    #expect(stop(.norm(below: 1, window: 1), norms: norms, losses: losses) == 3)
    // √((0.25 + 9 + 1)/3) is above 1, √((9 + 1 + 1)/3) too; the last three have exactly 1.
    #expect(stop(.norm(below: 1, window: 3), norms: norms, losses: losses) == 7)
    #expect(stop(.norm(below: 0.4, window: 1), norms: norms, losses: losses) == nil)
    #expect(stop(.none, norms: [0, 0], losses: [0, 0]) == nil)
  }

  @Test func theLossIsComparedWithTheWindowBefore() {
    let losses = [8, 4, 2, 1.99, 1.5, 1.5]
    let norms = losses.map { _ in 1.0 }
    #expect(stop(.loss(change: 0.01, window: 1), norms: norms, losses: losses) == 4)
    // Means of two: 6, then 1.995 (two windows are full at step 4): far apart; (2 + 1.99)/2 against
    // (1.5 + 1.5)/2 at step 6 too.
    #expect(stop(.loss(change: 0.01, window: 2), norms: norms, losses: losses) == nil)
    #expect(stop(.loss(change: 0.25, window: 2), norms: norms, losses: losses) == 6)
    // A loss that rises as much is no rest either.
    #expect(stop(.loss(change: 0.1, window: 1), norms: [1, 1], losses: [1, 1.2]) == nil)
  }

  @Test func aRestoredRuleContinuesFromItsMemory() {
    var first = EarlyStop(.loss(change: 0.01, window: 1))
    var policy = StepPolicy(rule: .none, tensorSizes: [1])
    let step = ledger(batches: [1], gradients: [[[1]]], losses: [2])
    first.record(step, policy.decide(step))
    var second = EarlyStop(.loss(change: 0.01, window: 1))
    second.state = first.state
    second.record(step, policy.decide(step))
    #expect(first.reason == nil)
    #expect(
      second.reason == "the loss went from 2 to 2 (means of 1), a change of at most 0.01 of it")
  }
}
