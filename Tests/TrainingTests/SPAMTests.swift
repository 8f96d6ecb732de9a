import Foundation
import GradientNorms
import Optimizers
import Testing
import Vectors

/// The rule `spam` on AdamW, against the published code in Float64 and the formula in the test.
@Suite struct SPAMTests {
  private static let rule = SPAMClip(threshold: 4, resetEvery: 15, warmup: 4, settling: 3)
  private static let start: [Float] = [0.5, -1, 2, 0.25, -0.75, 1.5]

  /// Multiples of 2⁻¹⁰ with spikes; one element has no gradient at first.
  private static func gradient(_ step: Int, _ index: Int) -> Double {
    if index == 4 && step < 17 { return 0 }
    var value = sin(1.7 * Double(step) + 0.9 * Double(index)) * (1 + 0.3 * Double(index))
    if abs(value) < 0.2 { value = 0.2 }
    if (step * 5 + index * 3) % 11 == 0 { value *= 40 }
    return (value * 1024).rounded() / 1024
  }

  /// SPAM.py of the authors' repository with lr 0.01, betas (0.9, 0.99), eps 1e-12 and the settings
  /// above, in torch.float64: the weights after steps.
  private static let golden: [Int: [Double]] = [
    3: [
      0.48309555122941733, -1.0031154119187695, 2.022458150912231, 0.27281720261213527, -0.75,
      1.4990261872441386,
    ],
    14: [
      0.4595135817493374, -0.9962158072328409, 2.050806645229188, 0.29238520622841335, -0.75,
      1.4803930794002986,
    ],
    15: [
      0.45946647388214323, -0.996262915100036, 2.050759537361993, 0.2923380983612202, -0.75,
      1.480440187267494,
    ],
    20: [
      0.45309918841185187, -0.985246480713841, 2.0531445994250586, 0.30055219081405943,
      -0.7615809634168036, 1.4806646871486804,
    ],
    30: [
      0.4428961698519199, -0.9633387736580332, 2.0529387131319012, 0.3094020553142097,
      -0.7782166269310944, 1.4790544541380248,
    ],
    40: [
      0.43363608751486127, -0.9631030968367152, 2.0608508274854223, 0.32321959411030754,
      -0.7803028705535662, 1.5032174734974852,
    ],
  ]

  private static let layout = {
    var layout = TensorLayout()
    layout.add("values", shape: [start.count])
    return layout
  }()

  @Test func itIsThePublishedCode() {
    var weights = FlatVector(zeros: Self.layout)
    weights.set(0, to: Self.start)
    var optimizer = Optimizer(
      rule: .adamw(beta1: 0.9, beta2: 0.99, epsilon: 1e-12, weightDecay: 0), owning: 0..<6)
    // The mean squares in Float64, for the formula.
    var squares = [Double](repeating: 0, count: 6)
    var clips = 0
    for step in 1...40 {
      let truth = (0..<6).map { Self.gradient(step, $0) }
      var gradient = FlatVector(zeros: Self.layout)
      gradient.set(0, to: truth.map { Float($0) })
      var counted = 0.0
      optimizer.withSecondMoment { moment, owned, number in
        #expect(number == step)
        gradient.clipElements(
          Self.rule, secondMoment: moment, of: owned, inStep: number, in: 0..<6
        ) { counted += $1 }
      }
      let restart = Self.rule.restart(inStep: step)
      #expect(restart.resets == (step % 15 == 0))
      if restart.resets { squares = squares.map { _ in 0 } }
      var left = 0.0
      for index in 0..<6 {
        var clipped = truth[index]
        let limit = 4 * squares[index]
        if step % 15 >= 3, limit > 0, clipped * clipped > limit {
          clipped = clipped > 0 ? limit.squareRoot() : -limit.squareRoot()
          clips += 1
        }
        let found = Double(gradient.base[index])
        #expect(abs(found - clipped) <= 1e-6 * abs(clipped), "step \(step), element \(index)")
        squares[index] = 0.99 * squares[index] + 0.01 * clipped * clipped
        left += clipped * clipped
      }
      #expect(abs(counted - left) <= 2e-6 * left)
      optimizer.beginStep()
      if restart.resets { optimizer.resetMoments() }
      _ = optimizer.update(&weights, gradient: gradient, in: 0..<6, rate: 0.01 * restart.rate)
      for (index, weight) in (Self.golden[step] ?? []).enumerated() {
        let found = Double(weights.base[index])
        #expect(abs(found - weight) < 1e-6, "step \(step), element \(index)")
      }
    }
    #expect(clips > 40)
  }

  /// The factor after a reset, from a hundredth to 1; none before the first.
  @Test func theRateIsWarmedUpAfterAReset() {
    let factors = (1...34).map { Self.rule.restart(inStep: $0).rate }
    #expect(factors[..<14].allSatisfy { $0 == 1 })
    for (age, truth) in [0.01, 0.104536587784401, 0.352036587784401, 0.657963412215599]
      .enumerated()
    {
      for reset in [15, 30] { #expect(abs(factors[reset + age - 1] - truth) < 1e-12) }
    }
    #expect(factors[18] == 1 && factors[28] == 1)
    #expect(SPAMClip(resetEvery: 0).restart(inStep: 500) == MomentRestart())
  }

  /// An element without a gradient since the reset is not held at 0.
  @Test func anElementWithoutAMeanSquareIsLeft() {
    var gradient = FlatVector(zeros: Self.layout)
    gradient.set(0, to: [1, -2, 3, 0, 5, .nan])
    let moment: [Float] = [0, 0.01, 0, 0, 9, 1]
    gradient.clipElements(
      Self.rule, secondMoment: moment.span, of: OwnedRanges(0..<6), inStep: 100, in: 0..<6
    ) { _, _ in }
    let found = (0..<6).map { gradient.base[$0] }
    #expect(found[0] == 1 && found[2] == 3 && found[3] == 0 && found[4] == 5 && found[5].isNaN)
    #expect(abs(found[1] + 0.2) < 1e-7)
  }
}
