import Recording

/// One plain line for a progress event: for logs, pipes, and workers without a coordinator.
public enum ProgressText {
  /// `step 120/702  epoch 0.51  loss 0.4321  norm 1.203  clipped 12 %  23,412 samples/s  0:34 left`.
  public static func line(_ progress: WorkerEvent.Progress) -> String {
    ([stepCount(progress)] + measures(progress) + rates(progress)).joined(separator: "  ")
  }

  /// What the workers start with:
  /// `fashion-mlp: 4 ranks on node0, 235,146 parameters, 60,000 samples, 702 steps`; `4 ranks × 2
  /// threads` where a rank has several.
  public static func line(_ started: WorkerEvent.Started) -> String {
    let hosts =
      started.hosts.count == 1
      ? PlainText.sanitized(started.hosts[0], limit: 64) : "\(started.hosts.count) hosts"
    let threads = started.threads.flatMap { $0 > 1 ? " × \($0) threads" : nil } ?? ""
    return
      "\(PlainText.sanitized(started.experiment, limit: 80)): \(NumberFormat.counted(started.ranks, "rank"))\(threads) on \(hosts), "
      + "\(NumberFormat.counted(started.parameters, "parameter")), \(NumberFormat.counted(started.samples, "sample")), "
      + NumberFormat.counted(started.steps, "step")
  }

  /// `held out at step 500: loss 0.4123, accuracy 0.8769`.
  public static func line(_ record: EvaluationRecord) -> String {
    "held out at step \(NumberFormat.grouped(record.step)): \(text(record.scores))"
      + (record.average.map { "; the mean of the weights: \(text($0))" } ?? "")
  }

  static func text(_ scores: Scores) -> String {
    "loss \(NumberFormat.formatted(scores.loss))" + (scores.score.map { ", \(text($0))" } ?? "")
  }

  public static func evaluationLine(loss: Double?, score: NamedNumber?) -> String {
    "evaluation: loss \(NumberFormat.formatted(loss))" + (score.map { ", \(text($0))" } ?? "")
  }

  /// `accuracy 0.8769`, `mean return 498`.
  static func text(_ score: NamedNumber) -> String {
    let value =
      score.name == "accuracy"
      ? NumberFormat.fixed(score.value, decimals: 4) : NumberFormat.formatted(score.value)
    return PlainText.sanitized(String(score.name.map { $0 == "_" ? " " : $0 }), limit: 24) + " "
      + value
  }

  static func stepCount(_ progress: WorkerEvent.Progress) -> String {
    let step = String(progress.step)
    let steps = String(progress.steps)
    return "step \(String(repeating: " ", count: max(0, steps.count - step.count)))\(step)/\(steps)"
  }

  static func measures(_ progress: WorkerEvent.Progress) -> [String] {
    var parts = [
      "epoch \(NumberFormat.fixed(progress.epoch, decimals: 2))",
      "loss \(NumberFormat.formatted(progress.loss))",
    ]
    if progress.heldOutLoss != nil {
      parts.append("held out \(NumberFormat.formatted(progress.heldOutLoss))")
    }
    parts.append("norm \(NumberFormat.formatted(progress.norm))")
    parts.append("clipped \(NumberFormat.percent(progress.clippedFraction))")
    if progress.skipped > 0 { parts.append("skipped \(NumberFormat.grouped(progress.skipped))") }
    return parts
  }

  static func rates(_ progress: WorkerEvent.Progress) -> [String] {
    var parts: [String] = []
    if progress.samplesPerSecond != nil {
      parts.append("\(NumberFormat.rate(progress.samplesPerSecond)) samples/s")
    }
    if progress.secondsLeft != nil {
      parts.append("\(NumberFormat.clock(progress.secondsLeft)) left")
    }
    return parts
  }
}
