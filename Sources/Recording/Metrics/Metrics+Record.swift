extension Metrics {
  /// What a step's record has by itself, or what follows from it for charts and TensorBoard alone.
  ///
  /// Charts come in the order of their first metrics here, and their lines in this order.
  package static let ofRecord: [any Metric] = [
    training, gradient, clip, clippedUpdate, noise, update, ranks, samples, seconds,
  ]
  .flatMap { $0 }

  private static func metric(
    _ declaration: MetricDeclaration, _ value: @escaping @Sendable (StepRecord) -> Double?
  ) -> any Metric { StepMetric(declaration, value: value) }

  private static let training = [
    metric(
      MetricDeclaration(
        "epoch", unit: "epochs", help: "Samples seen over samples of the data.", tag: "epoch",
        gauge: "epoch")
    ) { $0.epoch },
    metric(
      MetricDeclaration(
        "samples", unit: "samples", help: "Samples seen, over all ranks.", tag: nil)
    ) { Double($0.samples) },
    metric(
      MetricDeclaration(
        "loss", help: "Mean loss of the step's batch.", tag: "loss", gauge: "loss",
        line: .init(.loss, "training", showsMissing: true))
    ) { $0.loss },
  ]

  private static let gradient = [
    metric(
      MetricDeclaration(
        "norm.global", help: "L2 norm of the mean gradient before clipping.", tag: "norm/global",
        gauge: "gradient_norm", line: .init(.norm, "‖g‖, before clipping", showsMissing: true))
    ) { $0.norm.global },
    metric(
      MetricDeclaration(
        "gradient.length", help: "√|G|², the norm without the noise.", tag: nil,
        line: .init(.norm, "|G|, without the noise", style: .line, colour: 3))
    ) { step in step.noise.signal.flatMap { $0 > 0 ? $0.squareRoot() : nil } },
    NoiseFloor(),
  ]

  private static let clip = [
    metric(
      MetricDeclaration(
        "norm.applied", help: "L2 norm of the gradient after clipping.", tag: "norm/applied",
        line: .init(.applied, "applied"))
    ) { $0.norm.applied },
    // A limit that moves is a line of its own.
    metric(
      MetricDeclaration(
        "norm.threshold", help: "The clip's limit.", tag: "clip/threshold",
        line: .init(.applied, "threshold", style: .line, colour: 1))
    ) { $0.norm.threshold },
    metric(
      MetricDeclaration(
        "norm.coefficient", help: "What the step's gradient was multiplied by.",
        tag: "clip/coefficient", gauge: "clip_coefficient", line: .init(.clip, "coefficient"))
    ) { $0.norm.coefficient },
    metric(
      MetricDeclaration(
        "clipped", help: "1 where the step was clipped.", tag: "clip/clipped",
        line: .init(.clip, "clip rate", style: .share, colour: 1))
    ) { $0.action == .clip ? 1 : 0 },
    metric(
      MetricDeclaration(
        "norm.clipped_samples", help: "Share of samples whose gradients were shortened.",
        tag: "clip/samples", line: .init(.clip, "share of samples clipped", colour: 2))
    ) { $0.norm.clippedSamples },
    metric(
      MetricDeclaration("skipped", help: "1 where the step was skipped.", tag: "clip/skipped")
    ) { $0.action == .skip ? 1 : 0 },
  ]

  private static let clippedUpdate = [
    metric(
      MetricDeclaration(
        "norm.update.norm",
        help: "L2 norm of the update in units of the learning rate, before the clip limits it.",
        tag: "norm/update_unclipped", line: .init(.clippedUpdate, "‖u‖, before clipping"))
    ) { $0.norm.update?.norm },
    metric(
      MetricDeclaration(
        "norm.update.applied", help: "The same after clipping.", tag: "norm/update_applied",
        line: .init(.clippedUpdate, "applied"))
    ) { $0.norm.update?.applied },
    metric(
      MetricDeclaration(
        "norm.update.threshold", help: "The limit of the update.", tag: "clip/update_threshold",
        line: .init(.clippedUpdate, "threshold", style: .line, colour: 3))
    ) { $0.norm.update?.threshold },
  ]

  private static let noise = [
    metric(
      MetricDeclaration(
        "noise.scale", unit: "samples",
        help: "Batch at which noise and signal of the gradient are equal.", tag: "noise/scale",
        gauge: "noise_scale_samples",
        line: .init(
          .noise, "noise scale trΣ/|G|², about the critical batch", style: .line, colour: 0))
    ) { $0.noise.scale },
    Batch(),
    metric(
      MetricDeclaration(
        "noise.signal", help: "|G|², the square of the gradient without its noise.",
        tag: "noise/signal")
    ) { $0.noise.signal },
    metric(
      MetricDeclaration(
        "noise.variance", help: "trΣ, the variance of a sample's gradient.", tag: "noise/variance")
    ) { $0.noise.variance },
  ]

  private static let update = [
    metric(
      MetricDeclaration(
        "learning_rate", help: "Learning rate of the step.", tag: "learning_rate",
        gauge: "learning_rate", line: .init(.learningRate, style: .line))
    ) { $0.learningRate },
    metric(
      MetricDeclaration("update_norm", help: "‖w after − w before‖", tag: "norm/update")
    ) { $0.updateNorm },
    metric(
      MetricDeclaration("weight_norm", help: "‖w‖ before the update.", tag: "norm/weights")
    ) { $0.weightNorm },
    metric(
      MetricDeclaration(
        "update_ratio", help: "‖w after − w before‖ / ‖w before‖", tag: "norm/update_ratio",
        line: .init(.update))
    ) { $0.updateRatio },
  ]

  private static let ranks = [
    metric(
      MetricDeclaration(
        "norm.max_local.value", help: "The largest norm of a rank's own gradient.",
        tag: "norm/max_local", line: .init(.local, "largest of a rank", colour: 1))
    ) { $0.norm.maxLocal.value },
    metric(
      MetricDeclaration(
        "norm.local_rms", help: "√L, the root mean square of the ranks' own norms.",
        tag: "norm/local_rms", line: .init(.local, "root mean square √L", colour: 0))
    ) { $0.norm.localRMS },
  ]

  private static let samples = [
    metric(
      MetricDeclaration(
        "norm.samples.q99", help: "Norm of its gradient that 99 of 100 samples do not exceed.",
        tag: "norm/samples_q99", line: .init(.samples, "99 of 100 samples", style: .line))
    ) { $0.norm.samples?.q99 },
    metric(
      MetricDeclaration(
        "norm.samples.q95", help: "That 95 of 100 samples do not exceed.",
        tag: "norm/samples_q95", line: .init(.samples, "95", style: .line))
    ) { $0.norm.samples?.q95 },
    metric(
      MetricDeclaration(
        "norm.samples.median", help: "The median norm of a sample's gradient.",
        tag: "norm/samples_median", line: .init(.samples, "median", style: .line))
    ) { $0.norm.samples?.median },
    metric(
      MetricDeclaration(
        "norm.samples.q05", help: "That 5 of 100 samples do not exceed.",
        tag: "norm/samples_q05", line: .init(.samples, "5", style: .line))
    ) { $0.norm.samples?.q05 },
    metric(
      MetricDeclaration(
        "norm.samples.mean", help: "The mean norm of a sample's gradient.", tag: nil)
    ) { $0.norm.samples?.mean },
    metric(
      MetricDeclaration(
        "norm.samples.rms", help: "Root mean square of the norms of samples' gradients.", tag: nil)
    ) { $0.norm.samples?.rms },
  ]

  private static let seconds =
    [
      metric(
        MetricDeclaration(
          "seconds.total", unit: "s", help: "The step at rank 0.", tag: "seconds/total",
          line: .init(.seconds, "step", factor: 1e3, colour: 0))
      ) { $0.seconds.total }
    ]
    + Phase.allCases.map { phase in
      metric(
        MetricDeclaration(
          "seconds.\(phase.name)", unit: "s", help: "Of the step at rank 0.",
          tag: "seconds/\(phase.name)",
          line: .init(
            .seconds, phase.name, factor: 1e3,
            colour: phase == Phase.allCases[0] ? Phase.allCases.count : phase.rawValue,
            whole: "seconds.total"))
      ) { $0.seconds.phases[phase] }
    }
}

extension MetricLine {
  fileprivate init(
    _ chart: MetricChart, _ name: String = "", style: Style = .smoothed, factor: Double = 1,
    colour: Int? = nil, showsMissing: Bool = false, whole: String? = nil
  ) {
    self.init(chart, name, style: style, factor: factor, colour: colour)
    self.showsMissing = showsMissing
    self.whole = whole
  }
}

/// Samples of each step, from how many had been seen before it.
private struct BatchSize {
  private var before: (step: Int, samples: Int)?

  /// Of a long file every so many steps may have been read: then the mean of those passed over.
  mutating func next(_ record: StepRecord) -> Int? {
    defer { before = (record.step, record.samples) }
    guard let before else { return record.step == 1 ? record.samples : nil }
    let steps = record.step - before.step
    return steps > 0 ? (record.samples - before.samples) / steps : nil
  }
}

private struct Batch: Metric {
  private var size = BatchSize()

  var declaration: MetricDeclaration {
    MetricDeclaration(
      "batch", unit: "samples", help: "Samples of the step.", tag: nil,
      line: .init(.noise, "batch", style: .line, colour: 1))
  }

  mutating func value(of step: StepRecord) -> Double? {
    size.next(step).flatMap { $0 > 0 ? Double($0) : nil }
  }
}

/// What of the norm is minibatch noise.
private struct NoiseFloor: Metric {
  private var size = BatchSize()

  var declaration: MetricDeclaration {
    MetricDeclaration(
      "noise.floor", help: "√(trΣ/B)", tag: nil,
      line: .init(.norm, "noise floor √(trΣ/B)", style: .band, colour: 2))
  }

  mutating func value(of step: StepRecord) -> Double? {
    let batch = size.next(step) ?? 0
    return step.noise.variance.flatMap {
      $0 >= 0 && batch > 0 ? ($0 / Double(batch)).squareRoot() : nil
    }
  }
}
