import Glibc
import Models
import Vectors

/// The policy gradient by its formulas, in Double and one step at a time: the oracle for
/// ``Policy``.
struct ReferencePolicy {
  let widths: [Int]
  let terms: Policy.Terms
  let seed: UInt64

  /// A recorded episode: the constants of the surrogate loss.
  struct Course {
    var observations: [[Double]] = []
    var actions: [Int] = []
    var advantages: [Double] = []
    var targets: [Double] = []
    var isCutOff = false
  }

  /// Tensors of the policy come first, then those of the value.
  private func network(_ weights: [[Double]], isValue: Bool, _ input: [Double]) -> [Double] {
    let count = widths.count
    var values = input
    for layer in 0..<count {
      let outputs = layer < count - 1 ? widths[layer + 1] : isValue ? 1 : 2
      let first = (isValue ? 2 * count : 0) + 2 * layer
      values = (0..<outputs).map { output in
        var sum = weights[first + 1][output]
        for (input, value) in values.enumerated() {
          sum += weights[first][output * widths[layer] + input] * value
        }
        return layer < count - 1 ? tanh(sum) : sum
      }
    }
    return values
  }

  private func logProbabilities(_ weights: [[Double]], _ observation: [Double]) -> [Double] {
    let scores = network(weights, isValue: false, observation)
    let logarithm = log(exp(scores[0]) + exp(scores[1]))
    return scores.map { $0 - logarithm }
  }

  func course(_ weights: [[Double]], epoch: Int, sample: Int, purpose: UInt64, greedy: Bool)
    -> Course
  {
    var random = RandomStream(seed, purpose, UInt64(epoch), UInt64(sample))
    let start = (0..<4).map { _ in random.uniform(-0.05..<0.05) }
    var world = CartPole(
      position: start[0], velocity: start[1], angle: start[2], angularVelocity: start[3])
    func observation() -> [Double] {
      [world.position, world.velocity, world.angle, world.angularVelocity].map { Double(Float($0)) }
    }
    var course = Course()
    while !world.hasFallen && course.actions.count < 500 {
      course.observations.append(observation())
      let left = exp(logProbabilities(weights, observation())[0])
      let action = greedy ? (left >= 0.5 ? 0 : 1) : random.unit() < left ? 0 : 1
      course.actions.append(action)
      world.take(action: action)
    }
    course.isCutOff = !world.hasFallen
    var values = course.observations.map { network(weights, isValue: true, $0)[0] }
    values.append(course.isCutOff ? network(weights, isValue: true, observation())[0] : 0)
    let largestReturn = terms.discount == 1 ? 500 : min(500, 1 / (1 - terms.discount))
    let surprises = course.actions.indices.map {
      1 / largestReturn + terms.discount * values[$0 + 1] - values[$0]
    }
    for step in course.actions.indices {
      var (advantage, weight) = (0.0, 1.0)
      for surprise in surprises[step...] {
        advantage += weight * surprise
        weight *= terms.discount * terms.lambda
      }
      course.advantages.append(advantage)
      course.targets.append(advantage + values[step])
    }
    return course
  }

  func surrogate(_ weights: [[Double]], _ courses: [Course]) -> Double {
    var total = 0.0
    for course in courses {
      for (step, observation) in course.observations.enumerated() {
        let logs = logProbabilities(weights, observation)
        let entropy = -logs.reduce(0) { $0 + $1 * exp($1) }
        let miss = network(weights, isValue: true, observation)[0] - course.targets[step]
        total +=
          -course.advantages[step] * logs[course.actions[step]] - terms.entropyWeight * entropy
          + terms.valueWeight * miss * miss / 2
      }
    }
    return total
  }

  /// Central differences, tensor by tensor.
  func gradient(_ weights: [[Double]], _ courses: [Course]) -> [[Double]] {
    let step = 1e-5
    var weights = weights
    return weights.indices.map { tensor in
      weights[tensor].indices.map { index in
        let value = weights[tensor][index]
        weights[tensor][index] = value + step
        let above = surrogate(weights, courses)
        weights[tensor][index] = value - step
        let below = surrogate(weights, courses)
        weights[tensor][index] = value
        return (above - below) / (2 * step)
      }
    }
  }
}
