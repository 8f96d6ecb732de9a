import Glibc
import Recording

/// What is known of a run that has no report: one that still runs, failed, or was killed.
public struct UnfinishedText {
  public let text: String

  /// Reads the records.
  /// - Throws: where they cannot be read.
  public init(_ directory: RunDirectory, name: String) throws(RunFileError) {
    var first: StepRecord?
    var last: StepRecord?
    var (steps, skipped) = (0, 0)
    var reasons: [String] = []
    try StepRecord.read(path: directory.metrics, every: 1) { record in
      first = first ?? record
      last = record
      steps += 1
      guard record.action == .skip else { return }
      skipped += 1
      if reasons.count < 3 {
        reasons.append(
          "step \(record.step): \(PlainText.sanitized(record.reason ?? "no reason recorded"))")
      }
    }
    var lines = ["\(PlainText.sanitized(name)): no report: the run has not ended, or it failed"]
    if let first, let last {
      lines.append(
        "  \(NumberFormat.counted(steps, "step")) recorded, \(first.step) to \(last.step); \(NumberFormat.grouped(skipped)) skipped"
      )
      lines.append(
        "  loss \(NumberFormat.formatted(first.loss)) to \(NumberFormat.formatted(last.loss)), norm \(NumberFormat.formatted(first.norm.global)) to \(NumberFormat.formatted(last.norm.global))"
      )
      if access(directory.evaluations, F_OK) == 0 {
        var evaluation: EvaluationRecord?
        try EvaluationRecord.read(path: directory.evaluations) { evaluation = $0 }
        if let evaluation { lines.append("  \(ProgressText.line(evaluation))") }
      }
      lines += reasons.map { "  skipped, \($0)" }
      if skipped > reasons.count {
        lines.append("  and \(NumberFormat.grouped(skipped - reasons.count)) more")
      }
    } else {
      lines.append("  no step was recorded")
    }
    if let step = directory.newestCheckpoint {
      lines.append("  newest checkpoint: step \(step); lockstep run … --resume goes on from there")
    }
    lines.append("  logs: \(directory.logs)")
    text = lines.joined(separator: "\n") + "\n"
  }
}
