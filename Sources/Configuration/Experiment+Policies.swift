import ExperimentKeys
import GradientNorms
import Optimizers

extension Experiment {
  /// When a step is refused and when replicas are compared.
  public struct GuardConfig: Sendable {
    public var skip = SkipPolicy()
    /// Steps between two comparisons of all ranks' weights; nil for none.
    public var compareEvery: Int? = 100
    /// Whether the cause of an alarm is looked for: spike, value that is not finite, sum that cannot
    /// be.
    public var autopsy = true
    /// Steps between two replays of every rank's gradient on another rank; nil for none.
    public var replayEvery: Int?

    /// The defaults: replicas are compared every 100 steps.
    public init() {}
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

    /// None.
    public init() {}

    package var isCoupled: Bool { l1 > 0 || coupledL2 > 0 }
    package var coupledL2: Double { isDecoupled ? 0 : l2 }
    package var decoupledL2: Double { isDecoupled ? l2 : 0 }
    /// Whether something is added to the mean of the parts' gradients.
    package var changesMean: Bool {
      isCoupled || (isSynchronized && ascent.map { $0.mixture != 1 } ?? false)
    }
  }
}

/// The uphill step of SAM and of the gradient-norm penalty.
public struct SAM: Sendable, Equatable {
  /// r, the length of the step.
  public var radius: Double
  /// α, the share of the gradient there; 1 is SAM.
  public var mixture: Double

  /// A step of length `radius` uphill, whose gradient has the share `mixture`; without one, SAM.
  public init(radius: Double, mixture: Double = 1) {
    (self.radius, self.mixture) = (radius, mixture)
  }
}

extension Experiment.GuardConfig {
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    skip.spike = try keys.number(
      optional: "spike", wanted: "a number above 1, how many times the recent median norm",
      "skip norms this many times the median of the last 128 steps; it waits for 32 steps that were taken, and counts norms above 0 only"
    ) { $0 > 1 }
    skip.skipLimit = try keys.integer(
      "skip_limit", default: 20, in: 1...Int.max,
      "so many skips in a row end the run (exit 70, checkpoint written)")
    let every = try keys.integer(
      "compare_every", default: 100, in: 0...Int.max,
      "steps between comparisons of all ranks' weights, 8 bytes each; 0 for none")
    compareEvery = every == 0 ? nil : every
    autopsy = try keys.boolean(
      "autopsy", default: true,
      "find the cause of what made a step be skipped: compute its gradients again, on other ranks too, check their sum, measure its samples and the optimiser's state; `incidents.jsonl` has the findings. Not with regularization.sam_radius or clip.scope sample"
    )
    let replays = try keys.integer(
      "replay_every", default: 0, in: 0...Int.max,
      "steps between replays, in which each rank's gradient is computed by another rank too: faults that raise no alarm are found; 0 for none"
    )
    replayEvery = replays == 0 ? nil : replays
  }
}

extension Experiment.Regularization {
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    l1 = try keys.number(
      "l1", default: 0, in: 0...(.infinity), "times Σ|w|, part of the loss and so of the norm")
    l2 = try keys.number("l2", default: 0, in: 0...(.infinity), "times ½Σw²")
    isDecoupled = try keys.boolean(
      "decoupled", default: false, "decoupled l2, outside the gradient")
    let penalty = try keys.number(
      "gradient_norm", default: 0, in: 0...(.infinity),
      "weight of a penalty on the gradient's norm; `regularization.sam_radius` is then 0.05 by default"
    )
    let radius = try keys.number(
      "sam_radius", default: penalty > 0 ? 0.05 : 0, in: 0...(.infinity),
      "length of the uphill step of sharpness-aware minimisation")
    isSynchronized = try keys.boolean(
      "synchronized", default: true, "uphill by the mean gradient, or each rank by its own")
    if penalty > 0 && radius == 0 {
      throw keys.error("sam_radius", "a gradient-norm penalty needs a radius above 0")
    }
    if radius > 0 { ascent = SAM(radius: radius, mixture: penalty > 0 ? penalty / radius : 1) }
  }
}

extension Experiment.ReportChoice {
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    every = try keys.integer(
      "every", default: 10, in: 1...Int.max, "steps between lines of `ranks.jsonl`")
    norms = try keys.orders("norms", "further norms, such as `[1, \"inf\"]`")
    groups = try keys.strings("groups", "prefixes of tensor names measured together")
    noise = try keys.choice(
      "noise", default: .ranks,
      "what the noise scale comes from: the gradients of ranks, of micro-batches, or of single samples, which any number of ranks estimates alike"
    )
    noiseLayers = try keys.boolean(
      "noise_layers", default: false,
      "record signal and noise of each tensor's gradient too, at the first step and every `report.every` steps; with noise of ranks or micro-batches"
    )
    samples = try keys.boolean(
      "samples", default: false,
      "measure the norm of each sample's gradient, and record their quantiles and the largest")
    spikeWindow = try keys.integer(
      "spike_window", default: 1000, in: 2...100_000,
      "the steps before it with which each loss and norm is compared, for `spike_score`; a tenth of them must be there"
    )
    spikeDeviations = try keys.number(
      "spike_deviations", default: 7, wanted: "a number above 0",
      "how many standard deviations from their mean make a spike"
    ) { $0 > 0 }
    tensorboard = try keys.boolean(
      "tensorboard", default: true,
      "write TensorBoard's event file: scalars of every step, norms of tensors every `report.every` steps"
    )
  }
}

extension Experiment {
  static func clip(_ keys: inout ExperimentReader) throws(ExperimentError) -> (
    any ClipRule, ClipScope, ClipTarget
  ) {
    let (rule, scope) = try keys.kind("rule", of: ClipRules.self, "how gradients are clipped") {
      (kind, keys) throws(ExperimentError) -> (any ClipRule, ClipScope) in
      let rule: any ClipRule = try kind.init(&keys)
      guard rule.limit != nil else { return (rule, .meanGradient) }
      let scope: ClipScope = try keys.choice(
        "scope", default: .meanGradient,
        "what is clipped: mean-gradient, exactly; worker, each rank's gradient before the reduction; bound, by √L, decided before the gradients are summed; sample, each sample's gradient before their mean, as in DP-SGD without its noise. The report says how far the last three were off (`clip_bias`). Under worker and sample the exact norm is measured at report steps only, and the norms of single tensors are those of the clipped mean; under sample all other norms and the noise are of the clipped gradients too"
      )
      if scope != .meanGradient && rule.order != .two {
        throw keys.error("order", "scope \(scope.rawValue) clips by the L2 norm")
      }
      return (rule, scope)
    }
    let target: ClipTarget = try keys.choice(
      "of", default: type(of: rule).usualTarget,
      "the vector that the rule limits: gradient, the mean gradient, before the optimiser sees it; update, what the optimiser makes of it, before the weights take it in, in units of the learning rate, with one small allreduce more. Rules for single elements or rows limit the gradient. By default update for rms and sigma, gradient for all others"
    )
    return (rule, scope, target)
  }
}
