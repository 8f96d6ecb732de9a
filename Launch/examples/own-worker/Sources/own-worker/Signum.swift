import Lockstep

/// `optimizer.kind = "signum"`: w ← w − lr·sign(m), m ← μm + (1 − μ)g (Bernstein et al. 2018,
/// arXiv 1802.04434).
struct Signum: OptimizerRule {
  static let kind = "signum"
  static let summary = "The sign of the running mean of gradients."
  static let usualRate = 0.001
  let momentum: Double

  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    momentum = try keys.number(
      "momentum", default: 0.9, in: 0..<1, "weight of earlier gradients")
  }

  var momentNames: [String] { ["momentum_buffer"] }
  var isAdaptive: Bool { true }

  func update(_ step: UpdateStep) -> UpdateNorms {
    let (rate, keep) = (Float(step.rate), Float(momentum))
    let (new, moment) = (Float((1 - momentum) * step.factor), step.moment(0))
    var norms = UpdateNorms()
    for index in 0..<step.count {
      moment[index] = keep * moment[index] + new * step.gradient[index]
      let old = step.weights[index]
      step.weights[index] -= moment[index] > 0 ? rate : moment[index] < 0 ? -rate : 0
      let change = Double(step.weights[index]) - Double(old)
      norms.squaredChange += change * change
      norms.squaredWeights += Double(old) * Double(old)
    }
    return norms
  }
}
