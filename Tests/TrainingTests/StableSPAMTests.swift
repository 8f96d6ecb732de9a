import Foundation
import GradientNorms
import Optimizers
import Testing
import Vectors

/// The rule `stable-spam` on AdamW, against the published code in Float64.
@Suite struct StableSPAMTests {
  /// Multiples of 2⁻¹⁰ with spikes.
  private static func gradient(_ step: Int, _ index: Int) -> Double {
    var value = sin(1.7 * Double(step) + 0.9 * Double(index)) * (1 + 0.3 * Double(index))
    if abs(value) < 0.2 { value = 0.2 }
    if (step * 5 + index * 3) % 11 == 0 { value *= 40 }
    return (value * 1024).rounded() / 1024
  }

  /// stablespam.py of the authors' repository with lr 0.01, betas (0.9, 0.99), gamma1 0.85, gamma2
  /// 0.999, gamma3 0.9 and update_proj_gap 0, in torch.float64: the weights after steps.
  private static let golden: [Int: [Double]] = [
    1: [
      0.49000000228304136, -1.009999996622031, 2.0099999998992, 0.25999999874808905,
      -0.7400000012358865, 1.5099999891207279,
    ],
    2: [
      0.48437924626140366, -1.0096758264044472, 2.016965373859563, 0.26744644576837495,
      -0.7468497467223405, 1.5036801577771668,
    ],
    12: [
      0.4819835886647109, -0.9872909114363168, 2.0422429564745475, 0.24121089101011425,
      -0.7758455178384315, 1.5291947649796978,
    ],
    25: [
      0.4730584486388212, -0.9494030381558616, 2.0637622506390483, 0.21499549158230577,
      -0.8121143638863918, 1.5442206138958818,
    ],
    40: [
      0.5012200921670924, -0.9073019414525288, 2.053362026141824, 0.1905134060835959,
      -0.8464222663917553, 1.5620275101765377,
    ],
  ]

  private static let layout = {
    var layout = TensorLayout()
    layout.add("values", shape: [6])
    return layout
  }()

  /// The step's ledger, its elements clipped in `gradient`.
  private func measured(_ gradient: inout FlatVector, _ policy: StepPolicy) -> NormLedger {
    var ledger = NormLedger(
      LedgerLayout(tensorCount: 1, orders: [.infinity], countsApplied: true), rank: 0)
    let squares = gradient.squaredNorm(in: 0..<6)
    ledger.contribute(samples: 1, of: 1, loss: 0, weightedSquares: [squares], rank: 0)
    ledger.add(squares, to: .squares, of: 0)
    let largest = [gradient.largestAbsolute(in: 0..<6)]
    ledger[largestOfTensor: 0] = largest[0]
    var left = 0.0
    gradient.clipElements(to: policy.limits(ofLargest: largest), ofLargest: largest, in: 0..<6) {
      left += $1
    }
    ledger.add(left, to: .appliedSquares, of: 0)
    return ledger
  }

  @Test func itIsThePublishedCode() {
    let rule = StableSPAMClip(
      memory: 0.9, normMemory: 0.85, squareMemory: 0.999, resetEvery: 0)
    var policy = StepPolicy(rule: rule, tensorSizes: [6])
    var weights = FlatVector(zeros: Self.layout)
    weights.set(0, to: [0.5, -1, 2, 0.25, -0.75, 1.5])
    var optimizer = Optimizer(
      rule: .adamw(beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0), owning: 0..<6)
    var (largest, length, square) = (0.0, 0.0, 0.0)
    var limited = 0
    for step in 1...40 {
      let truth = (0..<6).map { Self.gradient(step, $0) }
      var gradient = FlatVector(zeros: Self.layout)
      gradient.set(0, to: truth.map { Float($0) })
      let decision = policy.decide(measured(&gradient, policy))
      // The formula, in the test's own numbers.
      let peak = truth.map(abs).max()!
      largest = 0.9 * largest + 0.1 * peak
      let limit = largest / (1 - pow(0.9, Double(step)))
      let left = truth.map { abs($0) > limit ? $0 / peak * limit : $0 }
      limited += limit < peak * (1 - 1e-9) ? 1 : 0
      let norm = left.reduce(0) { $0 + $1 * $1 }.squareRoot()
      length = 0.85 * length + 0.15 * norm
      square = 0.999 * square + 0.001 * norm * norm
      let wanted =
        length / (1 - pow(0.85, Double(step)))
        / ((square / (1 - pow(0.999, Double(step)))).squareRoot() + 1e-8)
      for index in 0..<6 {
        let found = Double(gradient.base[index])
        #expect(abs(found - left[index]) <= 1e-6 * abs(left[index]), "step \(step)")
      }
      #expect(abs(decision.factor(ofTensor: 0) * norm / wanted - 1) < 1e-6, "step \(step)")
      #expect(abs(decision.applied! / wanted - 1) < 1e-6, "step \(step)")
      optimizer.beginStep()
      _ = optimizer.update(
        &weights, gradient: gradient, in: 0..<6, rate: 0.01, factor: decision.factor(ofTensor: 0))
      for (index, weight) in (Self.golden[step] ?? []).enumerated() {
        let found = Double(weights.base[index])
        #expect(abs(found - weight) < 1e-6, "step \(step), element \(index)")
      }
    }
    #expect(limited > 5)
  }

  /// A gradient of 0, or one that is not finite, leaves the means as they were.
  @Test func zerosAreNotAdmitted() {
    var policy = StepPolicy(rule: StableSPAMClip(memory: 0.5), tensorSizes: [6])
    func decide(_ values: [Float]) -> StepDecision {
      var gradient = FlatVector(zeros: Self.layout)
      gradient.set(0, to: values)
      return policy.decide(measured(&gradient, policy))
    }
    _ = decide([1, 2, 3, 4, 5, 6])
    let memory = policy.memory.clip
    #expect(decide([0, 0, 0, 0, 0, 0]).factors == .perTensor([1]))
    #expect(decide([0, .nan, 0, 0, 0, 0]).isSkip)
    #expect(policy.memory.clip == memory && memory != .none)
  }

  /// Moments begin anew, and so does the count that corrects their bias.
  @Test func momentsBeginAnewAtIntervals() {
    let rule = StableSPAMClip(resetEvery: 10)
    #expect(rule.restart(inStep: 9) == MomentRestart())
    #expect(rule.restart(inStep: 10) == MomentRestart(resets: true, forgottenSteps: 9))
    #expect(rule.restart(inStep: 25) == MomentRestart(forgottenSteps: 19))
    #expect(StableSPAMClip(resetEvery: 0).restart(inStep: 10) == MomentRestart())
  }
}
