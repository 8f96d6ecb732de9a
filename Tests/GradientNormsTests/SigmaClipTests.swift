import Glibc
import GradientNorms
import RankTesting
import Testing

/// The rule `sigma` against the formula of Levanter's `clip_update_norm`, computed here by another
/// way.
@Suite struct SigmaClipTests {
  private func step(_ norm: Double) -> NormLedger {
    ledger(batches: [1], gradients: [[[norm]]])
  }

  /// Norms of 0.5 to 2, every 40th twenty times longer, from the 300th on ten times longer all.
  private static let norms: [Double] = {
    var numbers = SplitMix(state: 33)
    return (0..<600).map {
      exp(1.4 * (numbers.unit() - 0.5)) * ($0 % 40 == 39 ? 20 : 1) * ($0 >= 300 ? 10 : 1)
    }
  }()

  /// The mean and deviation of pairs: σ² = Σᵢⱼ (xᵢ − xⱼ)² / 2n².
  private func limit(_ norms: ArraySlice<Double>, _ factor: Double) -> Double {
    let count = Double(norms.count)
    var pairs = 0.0
    for one in norms { for other in norms { pairs += (one - other) * (one - other) } }
    return norms.reduce(0, +) / count + factor * (pairs / 2).squareRoot() / count
  }

  @Test(arguments: [(128, 3.0), (9, 1), (2, 0.1), (64, 6)] as [(Int, Double)])
  func itIsLevantersFormula(_ window: Int, _ factor: Double) {
    var policy = StepPolicy(
      rule: SigmaClip(window: window, sigmaFactor: factor), of: .gradient, tensorSizes: [1])
    var clips = 0
    for (index, norm) in Self.norms.enumerated() {
      let decision = policy.decide(step(norm))
      guard index >= max(2, window / 2) else {
        #expect(decision.action == .step && decision.threshold == nil, "step \(index)")
        continue
      }
      let limit = limit(Self.norms[max(0, index - window)..<index], factor)
      #expect(abs(decision.threshold! / limit - 1) < 1e-10, "step \(index)")
      let coefficient = norm > limit ? limit / (norm + 1e-6) : 1
      #expect(abs(decision.coefficient! - coefficient) < 1e-10, "step \(index)")
      #expect((decision.action == .clip) == (norm > limit), "step \(index)")
      clips += norm > limit ? 1 : 0
    }
    #expect(clips >= 3 && clips < 500, "\(clips)")
  }

  /// numpy.mean and numpy.std of 1, 2, 4 and of 2, 4, 50 by hand: 7/3 and √14/3, 56/3 and √4424/3.
  @Test func aSpikeIsLimitedAndThenCounted() {
    var policy = ClipPolicy(SigmaClip(window: 3, sigmaFactor: 2), tensorSizes: [1])
    func threshold(_ norm: Double) -> Double? {
      policy.decide(norm: norm, tensorNorms: [norm]).threshold
    }
    #expect(threshold(1) == nil && threshold(2) == nil)
    #expect(abs(threshold(4)! - 2.5) < 1e-12)
    #expect(abs(threshold(50)! - (7 + 2 * 14.0.squareRoot()) / 3) < 1e-12)
    #expect(abs(threshold(3)! - (56 + 2 * 4424.0.squareRoot()) / 3) < 1e-12)
  }

  /// Norms that do not vary are left as they are, and so is, after a while, another length.
  @Test func equalNormsHoldNoLimitForEver() {
    var policy = ClipPolicy(SigmaClip(window: 8), tensorSizes: [1])
    func isClipped(_ norm: Double) -> Bool {
      policy.decide(norm: norm, tensorNorms: [norm]).factors.common! < 1
    }
    for _ in 0..<20 { #expect(!isClipped(0.1)) }
    #expect(isClipped(0.2))
    #expect((0..<20).count { _ in isClipped(0.2) } < 8)
  }

  /// A window so long that its squares have no number limits nothing, and a state that no run leaves
  /// is refused.
  @Test func hostileNumbersLimitNothing() {
    var policy = ClipPolicy(SigmaClip(window: 4), tensorSizes: [1])
    for norm in [1e-300, 1e300, 1e-300, 1e300, 1] {
      let effect = policy.decide(norm: norm, tensorNorms: [norm])
      #expect(effect.threshold == nil && effect.factors == .uniform(1))
    }
    for norms in [[1, 0], [-1], [.infinity]] as [[Double]] {
      let state = StateValue.fields(["norms": .list(norms.map { .number($0) })])
      #expect(!SigmaClip().accepts(state, tensorCount: 1), "\(norms)")
    }
    #expect(SigmaClip().accepts(policy.state, tensorCount: 1))
  }
}
