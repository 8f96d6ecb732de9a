extension MetricChart {
  /// The charts of what a step's record has by itself; further metrics may be lines of them.
  public static let loss = MetricChart("Loss", label: "mean over the batch").with {
    $0.isAlwaysShown = true
    $0.hasHeldOut = true
  }
  public static let norm = MetricChart(
    "Gradient norm and its noise floor", label: "norm of the mean gradient"
  ).with {
    $0.compared = ("Gradient norm", "before clipping")
    $0.isAlwaysShown = true
  }
  public static let applied = MetricChart(
    "Applied norm and threshold", label: "norm of what the optimizer got"
  ).with { $0.compared = ("Applied norm", "after clipping") }
  public static let clippedUpdate = MetricChart(
    "Norm of the update and threshold", label: "in units of the learning rate"
  ).with { $0.compared = ("Norm of the update", "before clipping, in units of the learning rate") }
  public static let clip = MetricChart(
    "Clip coefficient and rate", scale: .linear, lowest: 0, highest: 1
  ).with {
    $0.compared = ("Clip coefficient", "")
    $0.needs = ["norm.threshold", "clipped"]
  }
  public static let noise = MetricChart(
    "Noise scale and batch", label: "samples", scale: .logarithmic
  ).with {
    $0.compared = ("Noise scale", "samples, about the critical batch")
    $0.needs = ["noise.scale"]
  }
  public static let learningRate = MetricChart("Learning rate")
  public static let update = MetricChart("Update ÷ weights", label: "‖Δw‖ / ‖w‖")
  public static let local = MetricChart("The ranks' own norms", label: "before the reduction").with
  { $0.isCompared = false }
  public static let samples = MetricChart(
    "Norms of samples", label: "norm of a sample's gradient"
  ).with {
    $0.needs = ["norm.samples.median"]
    $0.isCompared = false
  }
  public static let seconds = MetricChart("Time of a step", label: "milliseconds, rank 0").with {
    $0.compared = ("Time of a step", "milliseconds")
  }

  private func with(_ change: (inout MetricChart) -> Void) -> MetricChart {
    var chart = self
    change(&chart)
    return chart
  }
}
