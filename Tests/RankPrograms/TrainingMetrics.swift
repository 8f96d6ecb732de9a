import ExperimentKeys
import MPI
import Recording
import Reports
import Training

/// Runs with metrics that the coordinator does not know, one of which has a memory; the second is
/// resumed in its middle. Argument: a directory with `test.toml`, which has a checkpoint at step 20
/// and at the end, 30.
///
/// Leaves the run directories `whole` and `resumed`.
let metricsProgram = RankProgram("metrics") { world, arguments in
  var registry = Registry()
  registry.register(MeanNorm())
  registry.register(
    StepMetric(
      MetricDeclaration(
        "loss_bits", unit: "bits", help: "The loss in bits.",
        line: MetricLine(MetricChart("Loss in bits", label: "bits"), style: .line))
    ) { $0.loss.map { $0 / 0.6931471805599453 } })
  let folder = arguments[0]
  let metrics = registry
  func train(_ name: String, resume: Bool, on world: borrowing Communicator) throws {
    let run = try Run(
      RunOptions(
        experiment: folder + "/test.toml",
        overrides: ["report.spike_window=10", "report.spike_deviations=2"],
        output: "\(folder)/\(name)", resume: resume,
        voice: .quiet, registry: metrics), on: world)
    if resume { try expect(run.trainer.stepsDone == 20, "after step \(run.trainer.stepsDone)") }
    try expect(try run.train(on: world) == .done, "the run did not end")
  }
  try train("whole", resume: false, on: world)
  try world.copy(
    "\(folder)/whole", to: "\(folder)/resumed",
    without: ["checkpoints/step-00000030", "report.json", "final.safetensors"])
  try train("resumed", resume: true, on: world)
}

/// The mean norm of the last steps.
private struct MeanNorm: Metric {
  static let length = 7
  let declaration = MetricDeclaration(
    "norm_mean.of_\(Self.length)", help: "Mean norm of the last steps.",
    line: MetricLine(.norm, "mean of \(Self.length)"))
  var memory: Int { Self.length }
  private var norms: [Double] = []

  mutating func value(of step: StepRecord) -> Double? {
    if step.action != .skip, let norm = step.norm.global {
      norms = norms.suffix(Self.length - 1) + [norm]
    }
    return norms.count == Self.length ? norms.reduce(0, +) / Double(Self.length) : nil
  }
}
