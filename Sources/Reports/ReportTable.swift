import GradientNorms
import Recording

/// Several runs' reports side by side, a line a run, and what was set differently in them.
public struct ReportTable {
  private let runs: [(name: String, report: ConvergenceReport)]
  private let settings: [RunSettings]

  /// `settings` are the runs' own, in the same order; none where they are not known.
  public init(_ runs: [(name: String, report: ConvergenceReport)], settings: [RunSettings] = []) {
    (self.runs, self.settings) = (
      runs.map { (PlainText.sanitized($0.name, limit: 200), $0.report) }, settings
    )
  }

  /// The table, with a line end after its last line.
  public func text(_ style: TextStyle = .plain) -> String {
    let head = [
      "run", "verdict", "ranks", "steps", "loss", "score", "norm", "clipped", "skipped",
      "samples/s", "step ms",
    ]
    let rows = runs.map { name, report in
      [
        name, report.verdict.rawValue.replacingHyphens, String(report.ranks.count),
        NumberFormat.grouped(report.steps),
        NumberFormat.formatted(report.final.loss),
        report.final.accuracy.map { NumberFormat.fixed($0, decimals: 4) }
          ?? NumberFormat.formatted(report.final.score?.value),
        NumberFormat.formatted(report.norm.last),
        NumberFormat.percent(report.norm.clippedFraction),
        NumberFormat.grouped(report.norm.skipped),
        NumberFormat.rate(report.throughput.samplesPerSecond),
        NumberFormat.formatted(report.throughput.stepMsMedian),
      ]
    }
    let lines = TextColumns.lines([head] + rows, style: style) { $0 < 2 } + differences(style)
    return lines.joined(separator: "\n") + "\n"
  }

  /// A line a key that is not the same in all runs.
  private func differences(_ style: TextStyle) -> [String] {
    guard !settings.isEmpty else { return [] }
    let keys = RunSettings.differences(settings)
    guard !keys.isEmpty else {
      return ["", "set differently: nothing that an experiment file says"]
    }
    let rows = keys.map { key, values in
      [PlainText.sanitized(key, limit: 60)] + values.map { PlainText.sanitized($0, limit: 60) }
    }
    return [""]
      + TextColumns.lines([["set differently"] + runs.map(\.name)] + rows, style: style) { _ in true
      }.map { $0.trimmingEnd }
  }
}
