import Foundation
import GradientNorms
import RankTesting
import Testing

/// A rule that limits the update instead of the gradient.
@Suite struct ClippedUpdateTests {
  private func step(_ norms: [Double]) -> NormLedger {
    ledger(batches: [1], gradients: [norms.map { [$0] }])
  }

  /// Squares by tensor alone, as the updater enters them.
  private func updates(_ norms: [Double]) -> NormLedger {
    var ledger = NormLedger(LedgerLayout(tensorCount: norms.count))
    for (tensor, norm) in norms.enumerated() { ledger.add(norm * norm, to: .squares, of: tensor) }
    return ledger
  }

  /// Adafactor's u / max(1, RMS(u)/d) over a series of steps, of tensors of 9, 1 and 4 elements.
  @Test func rmsIsAdafactors() {
    let sizes = [9, 1, 4]
    var policy = StepPolicy(rule: RMSClip(limit: 0.8), of: .update, tensorSizes: sizes)
    var numbers = SplitMix(state: 4)
    var clips = 0
    for index in 0..<200 {
      let gradient = step([3, 0, 4])
      let decision = policy.decide(gradient)
      #expect(decision.action == .step && decision.coefficient == 1 && decision.norm == 5)
      #expect(decision.applied == 5 && decision.threshold == nil && !decision.isCertified)
      let vectors = sizes.map { size in (0..<size).map { _ in 4 * (numbers.unit() - 0.5) } }
      let clipped = policy.decideOnUpdate(updates(vectors.map { squared($0).squareRoot() }))
      var (before, after) = (0.0, 0.0)
      for (tensor, vector) in vectors.enumerated() {
        let meanSquare = vector.map { $0 * $0 }.reduce(0, +) / Double(vector.count)
        let factor = 1 / max(1, meanSquare.squareRoot() / 0.8)
        #expect(
          abs(clipped.factors.factor(ofTensor: tensor) - factor) < 1e-12 * factor, "step \(index)")
        before += squared(vector)
        after += squared(vector.map { $0 * factor })
      }
      #expect(abs(clipped.norm! - before.squareRoot()) < 1e-12)
      #expect(abs(clipped.applied! - after.squareRoot()) < 1e-12)
      #expect(clipped.isClipped == (after < before))
      let whole = decision.with(clipped)
      #expect((whole.action == .clip) == clipped.isClipped && whole.update == clipped)
      #expect(whole.norm == 5 && whole.applied == 5)
      clips += clipped.isClipped ? 1 : 0
    }
    #expect(clips > 100 && clips < 200)
  }

  /// The memory is of updates: that of a policy which clips gradients of these norms, through a
  /// checkpoint. Skipped steps and updates that are not finite leave it alone.
  @Test func theMemoryIsOfUpdates() throws {
    let rule = ZScoreClip(threshold: 1, warmup: 4)
    var policy = StepPolicy(rule: rule, of: .update, tensorSizes: [1, 1])
    var gradients = StepPolicy(rule: rule, tensorSizes: [1, 1])
    var numbers = SplitMix(state: 8)
    var clips = 0
    for index in 0..<60 {
      let norms = [1 + numbers.unit(), index % 9 == 8 ? 20 : 1]
      #expect(policy.decide(step([1e3, Double(index)])).action == .step)
      if index % 5 == 4 {
        #expect(policy.decide(step([.nan, 1])).isSkip)
        let lost = policy.decideOnUpdate(updates([.infinity, 1]))
        #expect(lost.norm == nil && !lost.isClipped && lost.factors == .uniform(1))
      }
      let (truth, clipped) = (gradients.decide(step(norms)), policy.decideOnUpdate(updates(norms)))
      #expect(clipped.factors == truth.factors && clipped.threshold == truth.threshold)
      #expect(clipped.norm == truth.norm && clipped.isClipped == (truth.action == .clip))
      clips += clipped.isClipped ? 1 : 0
      if index % 20 == 11 {
        let memory = try JSONDecoder().decode(
          StepPolicy.Memory.self, from: JSONEncoder().encode(policy.memory))
        policy = StepPolicy(rule: rule, of: .update, tensorSizes: [1, 1])
        policy.memory = memory
      }
    }
    #expect(clips >= 6)
  }

  /// Groups with a norm of their own have one of the update.
  @Test func groupsAreClippedByUpdatesOfTheirOwn() {
    let groups = ClipGroups(
      tensorCount: 3, own: [ClipGroups.Own(name: "b", tensors: [2])], frozen: [1])
    var policy = StepPolicy(
      rule: .global(maxNorm: 1), of: .update, tensorSizes: [1, 1, 1], groups: groups)
    let decision = policy.decide(step([3, 8, 4]))
    #expect(decision.ownClips.isEmpty && decision.applied == 5 && decision.reachedNorm == 5)
    let clipped = policy.decideOnUpdate(updates([2, 0, 0.5]))
    #expect(clipped.factors == .perTensor([1 / 2.000001, 1, 1]) && clipped.threshold == 1)
    let whole = decision.with(clipped)
    #expect(whole.ownClips.map(\.name) == ["b"] && whole.ownClips[0].norm == 0.5)
  }
}
