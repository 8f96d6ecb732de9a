/// One plain line for a progress event: for logs, pipes, and workers without a coordinator.
public enum ProgressText {
  /// `step 120/702  epoch 0.51  loss 0.4321  norm 1.203  clipped 12 %  23,412 samples/s  0:34 left`.
  public static func line(_ progress: WorkerEvent.Progress) -> String {
    ([stepCount(progress)] + measures(progress) + rates(progress)).joined(separator: "  ")
  }

  /// What the workers start with: `fashion-mlp: 4 ranks on node0, 235,146 parameters, 60,000 samples, 702 steps`.
  public static func line(_ started: WorkerEvent.Started) -> String {
    let hosts = started.hosts.count == 1 ? PlainText.line(started.hosts[0], limit: 64) : "\(started.hosts.count) hosts"
    return "\(PlainText.line(started.experiment, limit: 80)): \(Figures.counted(started.ranks, "rank")) on \(hosts), "
      + "\(Figures.counted(started.parameters, "parameter")), \(Figures.counted(started.samples, "sample")), "
      + Figures.counted(started.steps, "step")
  }

  public static func evaluationLine(loss: Double?, score: NamedNumber?) -> String {
    "evaluation: loss \(Figures.short(loss))" + (score.map { ", \(text($0))" } ?? "")
  }

  /// `accuracy 0.8769`, `mean return 498`.
  static func text(_ score: NamedNumber) -> String {
    let value = score.name == "accuracy" ? Figures.fixed(score.value, decimals: 4) : Figures.short(score.value)
    return PlainText.line(String(score.name.map { $0 == "_" ? " " : $0 }), limit: 24) + " " + value
  }

  static func stepCount(_ progress: WorkerEvent.Progress) -> String {
    let step = String(progress.step)
    let steps = String(progress.steps)
    return "step \(String(repeating: " ", count: max(0, steps.count - step.count)))\(step)/\(steps)"
  }

  static func measures(_ progress: WorkerEvent.Progress) -> [String] {
    var parts = ["epoch \(Figures.fixed(progress.epoch, decimals: 2))", "loss \(Figures.short(progress.loss))"]
    parts.append("norm \(Figures.short(progress.norm))")
    parts.append("clipped \(Figures.percent(progress.clippedFraction))")
    if progress.skipped > 0 { parts.append("skipped \(Figures.grouped(progress.skipped))") }
    return parts
  }

  static func rates(_ progress: WorkerEvent.Progress) -> [String] {
    var parts: [String] = []
    if progress.samplesPerSecond != nil { parts.append("\(Figures.rate(progress.samplesPerSecond)) samples/s") }
    if progress.secondsLeft != nil { parts.append("\(Figures.clock(progress.secondsLeft)) left") }
    return parts
  }
}
