import Optimizers
import Testing
import Vectors

/// PyTorch's rules, written out for one weight in Double.
struct ReferenceOptimizer {
  let rule: any OptimizerRule
  var weight: Double
  var moments = [0.0, 0.0]
  var step = 0

  mutating func update(gradient: Double, rate: Double) {
    step += 1
    switch rule {
    case let rule as SGD:
      weight -= rate * (gradient + rule.weightDecay * weight)
    case let rule as Momentum:
      moments[0] = rule.coefficient * moments[0] + gradient + rule.weightDecay * weight
      weight -= rate * moments[0]
    case let rule as AdamW:
      weight -= rate * rule.weightDecay * weight
      moments[0] = rule.beta1 * moments[0] + (1 - rule.beta1) * gradient
      moments[1] = rule.beta2 * moments[1] + (1 - rule.beta2) * gradient * gradient
      var (power1, power2) = (1.0, 1.0)
      for _ in 0..<step {
        power1 *= rule.beta1
        power2 *= rule.beta2
      }
      let (first, second) = (moments[0] / (1 - power1), moments[1] / (1 - power2))
      weight -= rate * first / (second.squareRoot() + rule.epsilon)
    case let rule as Lion:
      weight -= rate * rule.weightDecay * weight
      let direction = rule.beta1 * moments[0] + (1 - rule.beta1) * gradient
      weight -= rate * (direction > 0 ? 1 : direction < 0 ? -1 : 0)
      moments[0] = rule.beta2 * moments[0] + (1 - rule.beta2) * gradient
    default: fatalError("the others need norms of whole tensors; they are tested with the trainer")
    }
  }
}

@Suite struct OptimizerTests {
  static let rules: [any OptimizerRule] = [
    .sgd(), .sgd(weightDecay: 0.1), .momentum(), .momentum(coefficient: 0.5, weightDecay: 0.1),
    .adamw(),
    .adamw(beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.3), Lion(),
    Lion(beta1: 0.5, beta2: 0.8, weightDecay: 0.3),
  ]

  static func vector(_ count: Int, seed: UInt64, within bound: Double = 1) -> FlatVector {
    var layout = TensorLayout()
    layout.add("values", shape: [count])
    var vector = FlatVector(zeros: layout)
    var random = RandomStream(seed)
    vector.set(0, to: (0..<count).map { _ in Float(random.uniform(-bound..<bound)) })
    return vector
  }

  static func values(_ vector: borrowing FlatVector) -> [Float] {
    (0..<vector.count).map { vector.base[$0] }
  }

  static func error(_ actual: [Double], _ expected: [Double]) -> Double {
    let difference = zip(actual, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (difference / expected.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }

  /// 100 steps in Float32 add up to 100 roundings of 6e-8 of a weight at the worst; the error over
  /// a vector stays well below 1e-6.
  @Test(arguments: rules, [1, 15, 16, 17, 163]) func agreesWithTheFormulas(
    _ rule: any OptimizerRule, _ count: Int
  ) {
    var weights = Self.vector(count, seed: 1)
    let start = Self.values(weights)
    // An odd part of the vector: the elements around it must not change.
    let range = count > 2 ? 1..<count - 1 : 0..<count
    var optimizer = Optimizer(rule: rule, owning: range)
    var references = start.map { ReferenceOptimizer(rule: rule, weight: Double($0)) }
    for step in 1...100 {
      let gradient = Self.vector(count, seed: UInt64(100 + step))
      let rate = 0.01 / Double(step)
      let before = references.map(\.weight)
      optimizer.beginStep()
      let norms = optimizer.update(&weights, gradient: gradient, in: range, rate: rate, factor: 0.5)
      for index in range {
        references[index].update(gradient: 0.5 * Double(gradient.base[index]), rate: rate)
      }
      let change = range.reduce(0.0) {
        $0 + (references[$1].weight - before[$1]) * (references[$1].weight - before[$1])
      }
      let size = range.reduce(0.0) { $0 + before[$1] * before[$1] }
      #expect(abs(norms.squaredWeights - size) < 1e-5 * size)
      // The stored change is the exact one, rounded to the weights' last bit.
      #expect(
        abs(norms.squaredChange.squareRoot() - change.squareRoot()) < 1e-6 * size.squareRoot())
    }
    let final = Self.values(weights)
    #expect(Self.error(range.map { Double(final[$0]) }, range.map { references[$0].weight }) < 1e-6)
    for index in 0..<weights.count where !range.contains(index) {
      #expect(final[index] == start[index])
    }
    for index in rule.momentNames.indices {
      let moment = optimizer.moment(index)
      let actual = (0..<moment.count).map { Double(moment[$0]) }
      #expect(Self.error(actual, range.map { references[$0].moments[index] }) < 1e-6)
    }
    #expect(optimizer.stepCount == 100)
  }

  /// 1 − β₂ in Float32 is off by 1.3e-5, which would show in the size of the first steps.
  @Test func adamWsSecondMomentIsExact() {
    var weights = Self.vector(1, seed: 1)
    var gradient = Self.vector(1, seed: 1)
    gradient.set(0, to: [1])
    var optimizer = Optimizer(rule: .adamw(), owning: 0..<16)
    optimizer.beginStep()
    _ = optimizer.update(&weights, gradient: gradient, in: 0..<16, rate: 1e-3)
    let second = optimizer.moment(1)[0]
    #expect(second == 0.001)
  }

  @Test(arguments: rules) func slicesGiveTheSameBits(_ rule: any OptimizerRule) {
    var whole = Self.vector(203, seed: 1)
    var parts = Self.vector(203, seed: 1)
    let (lower, upper) = (whole.layout.slice(0, of: 2), whole.layout.slice(1, of: 2))
    var one = Optimizer(rule: rule, owning: 0..<whole.count)
    var first = Optimizer(rule: rule, owning: lower)
    var second = Optimizer(rule: rule, owning: upper)
    for step in 1...20 {
      let gradient = Self.vector(203, seed: UInt64(step))
      one.beginStep()
      first.beginStep()
      second.beginStep()
      let total = one.update(
        &whole, gradient: gradient, in: 0..<whole.count, rate: 0.01, factor: 0.7)
      var sum = first.update(&parts, gradient: gradient, in: lower, rate: 0.01, factor: 0.7)
      // In pieces of odd lengths, last first.
      let cut = upper.lowerBound + 13
      sum += second.update(
        &parts, gradient: gradient, in: cut..<upper.upperBound, rate: 0.01, factor: 0.7)
      sum += second.update(
        &parts, gradient: gradient, in: upper.lowerBound..<cut, rate: 0.01, factor: 0.7)
      sum += second.update(&parts, gradient: gradient, in: cut..<cut, rate: 0.01, factor: 0.7)
      #expect(abs(sum.squaredChange - total.squaredChange) < 1e-13 * total.squaredChange)
      #expect(abs(sum.squaredWeights - total.squaredWeights) < 1e-13 * total.squaredWeights)
    }
    let (a, b) = (Self.values(whole), Self.values(parts))
    #expect(a == b)
    if !rule.momentNames.isEmpty {
      let (all, half) = (one.moment(0), second.moment(0))
      #expect(half.count == upper.count)
      #expect((0..<half.count).allSatisfy { half[$0] == all[upper.lowerBound + $0] })
    }
  }

  @Test(arguments: rules) func factorScalesTheGradient(_ rule: any OptimizerRule) {
    var byFactor = Self.vector(50, seed: 1)
    var byScaling = Self.vector(50, seed: 1)
    var one = Optimizer(rule: rule, owning: 0..<64)
    var other = Optimizer(rule: rule, owning: 0..<64)
    for step in 1...5 {
      var gradient = Self.vector(50, seed: UInt64(step))
      one.beginStep()
      other.beginStep()
      _ = one.update(&byFactor, gradient: gradient, in: 0..<64, rate: 0.1, factor: 0.3)
      gradient.scale(by: 0.3)
      _ = other.update(&byScaling, gradient: gradient, in: 0..<64, rate: 0.1, factor: 1)
    }
    let (a, b) = (Self.values(byFactor), Self.values(byScaling))
    #expect(a == b)
  }

  @Test(arguments: rules) func gapsStayZero(_ rule: any OptimizerRule) {
    var weights = Self.vector(5, seed: 1)
    var optimizer = Optimizer(rule: rule, owning: 0..<16)
    optimizer.beginStep()
    _ = optimizer.update(&weights, gradient: Self.vector(5, seed: 2), in: 0..<16, rate: 0.1)
    let gap = Self.values(weights)[5...]
    #expect(gap.allSatisfy { $0.bitPattern == 0 })
  }

  @Test(arguments: rules) func resumesFromItsMoments(_ rule: any OptimizerRule) {
    var weights = Self.vector(40, seed: 1)
    var optimizer = Optimizer(rule: rule, owning: 16..<48)
    func step(_ optimizer: inout Optimizer, _ weights: inout FlatVector, _ number: UInt64) {
      optimizer.beginStep()
      _ = optimizer.update(
        &weights, gradient: Self.vector(40, seed: number), in: 16..<48, rate: 0.05)
    }
    for number in 1...3 { step(&optimizer, &weights, UInt64(number)) }

    var resumedWeights = FlatVector(copying: weights)
    var resumed = Optimizer(rule: rule, owning: 16..<48)
    resumed.restore(stepCount: optimizer.stepCount)
    for index in rule.momentNames.indices {
      let source = optimizer.moment(index)
      var target = resumed.mutableMoment(index)
      for position in 0..<source.count { target[position] = source[position] }
    }
    for number in 4...6 {
      step(&optimizer, &weights, UInt64(number))
      step(&resumed, &resumedWeights, UInt64(number))
    }
    let (a, b) = (Self.values(weights), Self.values(resumedWeights))
    #expect(a == b)
    #expect(resumed.stepCount == 6)
  }

  @Test(arguments: rules) func nonFiniteGradientsShow(_ rule: any OptimizerRule) {
    var weights = Self.vector(20, seed: 1)
    var gradient = Self.vector(20, seed: 2)
    gradient.set(0, to: (0..<20).map { $0 == 19 ? .nan : 1 })
    var optimizer = Optimizer(rule: rule, owning: 0..<32)
    optimizer.beginStep()
    let norms = optimizer.update(&weights, gradient: gradient, in: 0..<32, rate: 0.1)
    #expect(norms.squaredChange.isNaN && norms.squaredWeights.isFinite)
  }

  @Test func trustRatiosFollowTheFormula() {
    #expect(LARS(trust: 0.1, weightDecay: 0.5).trustRatio(weights: 3, norm: 4) == 0.1 * 3 / 5.5)
    #expect(LAMB().trustRatio(weights: 3, norm: 4) == 0.75)
    for (weights, gradient) in [(0.0, 4.0), (3, 0), (0, 0)] {
      #expect(LARS(trust: 0.1, weightDecay: 0.5).trustRatio(weights: weights, norm: gradient) == 1)
      #expect(LAMB().trustRatio(weights: weights, norm: gradient) == 1)
    }
  }

  @Test func namesAreThoseOfPyTorch() {
    #expect(SGD().momentNames == [])
    #expect(Momentum().momentNames == ["momentum_buffer"])
    #expect(AdamW().momentNames == ["exp_avg", "exp_avg_sq"])
  }

  @Test func updatingWhatIsNotOwnedTraps() async {
    await #expect(processExitsWith: .failure) {
      var weights = OptimizerTests.vector(40, seed: 1)
      var optimizer = Optimizer(rule: .sgd(), owning: 16..<32)
      optimizer.beginStep()
      _ = optimizer.update(
        &weights, gradient: OptimizerTests.vector(40, seed: 2), in: 16..<33, rate: 0.1)
    }
    await #expect(processExitsWith: .failure) {
      var weights = OptimizerTests.vector(40, seed: 1)
      var optimizer = Optimizer(rule: .sgd(), owning: 16..<32)
      _ = optimizer.update(
        &weights, gradient: OptimizerTests.vector(40, seed: 2), in: 16..<32, rate: 0.1)
    }
  }
}
