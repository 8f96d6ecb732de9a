import ExperimentKeys
import GradientNorms
import Optimizers

extension Experiment {
  /// When a step is refused and when replicas are compared.
  public struct GuardConfig: Sendable {
    public var skip = SkipPolicy()
    /// Steps between two comparisons of all ranks' weights; nil for none.
    public var compareEvery: Int?
  }

  /// Penalties on weights and on the gradient.
  public struct Regularization: Sendable {
    /// Σ|w| and ½Σw² times these are part of the loss; or, decoupled, w ← (1 − rate·l2)·w outside
    /// the step.
    public var l1 = 0.0
    public var l2 = 0.0
    public var isDecoupled = false
    /// The gradient is taken a step uphill, or mixed with one that is.
    public var ascent: SAM?
    /// Whether that step follows the mean gradient of all ranks, or each rank's own.
    public var isSynchronized = true

    package var isCoupled: Bool { l1 > 0 || coupledL2 > 0 }
    package var coupledL2: Double { isDecoupled ? 0 : l2 }
    package var decoupledL2: Double { isDecoupled ? l2 : 0 }
    /// Whether something is added to the mean of the parts' gradients.
    package var changesMean: Bool {
      isCoupled || (isSynchronized && ascent.map { $0.mixture != 1 } ?? false)
    }
  }

  /// A batch that grows with the noise scale, up to a size.
  public struct BatchGrowth: Sendable {
    public var largest: Int

    /// The batch doubles where the noise scale is at least twice its size: there noise still
    /// outweighs the gradient by two to one.
    package func next(_ batch: Int, noiseScale: Double) -> Int {
      noiseScale >= 2 * Double(batch) ? max(batch, min(2 * batch, largest)) : batch
    }
  }

  /// What the run's ledgers hold.
  package func ledgerLayout(tensorCount: Int) -> LedgerLayout {
    var orders = report.norms
    if !orders.contains(clip.order) { orders.append(clip.order) }
    let parts: LedgerLayout.PartsNorm =
      clipScope == .worker ? .sampled : regularization.changesMean ? .apart : .ofMean
    return LedgerLayout(
      tensorCount: tensorCount, orders: orders, countsApplied: clip.needs.contains(.elements),
      countsWeights: !optimizer.needs.isEmpty, parts: parts)
  }

  /// Whether each micro-batch's gradient is measured apart.
  package var measuresMicroBatches: Bool { training.reproducible || report.noise == .microBatches }
}

/// The uphill step of SAM and of the gradient-norm penalty.
public struct SAM: Sendable, Equatable {
  /// r, the length of the step.
  public var radius: Double
  /// α, the share of the gradient there; 1 is SAM.
  public var mixture: Double
}

extension Experiment.GuardConfig {
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    skip.spike = try keys.number(
      optional: "spike", wanted: "a number above 1, how many times the recent median norm"
    ) { $0 > 1 }
    skip.skipLimit = try keys.integer("skip_limit", default: 20, in: 1...Int.max)
    let every = try keys.integer("compare_every", default: 100, in: 0...Int.max)
    compareEvery = every == 0 ? nil : every
  }
}

extension Experiment.Regularization {
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    func weight(_ key: String) throws(ExperimentError) -> Double {
      try keys.number(key, default: 0, wanted: "a number of at least 0") { $0 >= 0 }
    }
    l1 = try weight("l1")
    l2 = try weight("l2")
    isDecoupled = try keys.boolean("decoupled", default: false)
    let penalty = try weight("gradient_norm")
    let radius = try keys.number(
      "sam_radius", default: penalty > 0 ? 0.05 : 0, wanted: "a number of at least 0"
    ) { $0 >= 0 }
    isSynchronized = try keys.boolean("synchronized", default: true)
    if penalty > 0 && radius == 0 {
      throw keys.error("sam_radius", "a gradient-norm penalty needs a radius above 0")
    }
    if radius > 0 { ascent = SAM(radius: radius, mixture: penalty > 0 ? penalty / radius : 1) }
  }
}

extension Experiment.ReportChoice {
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    every = try keys.integer("every", default: 10, in: 1...Int.max)
    norms = try keys.orders("norms")
    groups = try keys.strings("groups")
    noise = try keys.choice("noise", default: .ranks)
    tensorboard = try keys.boolean("tensorboard", default: true)
  }
}

extension Experiment {
  static func clip(_ keys: inout ExperimentReader) throws(ExperimentError) -> (
    any ClipRule, ClipScope
  ) {
    try keys.kind("rule", of: ClipRules.self) {
      (kind, keys) throws(ExperimentError) in
      let rule: any ClipRule = try kind.init(&keys)
      guard rule.limit != nil else { return (rule, .meanGradient) }
      let scope: ClipScope = try keys.choice("scope", default: .meanGradient)
      if scope != .meanGradient && rule.order != .two {
        throw keys.error("order", "scope \(scope.rawValue) clips by the L2 norm")
      }
      return (rule, scope)
    }
  }
}
