/// Several runs' reports side by side, one line a run.
public struct ReportTable {
  private let runs: [(name: String, report: ConvergenceReport)]

  public init(_ runs: [(name: String, report: ConvergenceReport)]) { self.runs = runs }

  /// The table, with a line end after its last line.
  public var text: String {
    let nameWidth = min(32, max(4, runs.map(\.name.count).max() ?? 0))
    let head = ["run", "verdict", "ranks", "steps", "loss", "score", "norm", "clipped", "skipped", "samples/s", "step ms"]
    let rows = runs.map { name, report in
      [
        PlainText.line(name, limit: nameWidth), report.verdict.rawValue.replacingHyphens, String(report.ranks.count),
        Figures.grouped(report.steps),
        Figures.short(report.final.loss),
        report.final.accuracy.map { Figures.fixed($0, decimals: 4) } ?? Figures.short(report.final.score?.value),
        Figures.short(report.norm.last),
        Figures.percent(report.norm.clippedFraction), Figures.grouped(report.norm.skipped),
        Figures.rate(report.throughput.samplesPerSecond),
        Figures.short(report.throughput.stepMsMedian),
      ]
    }
    return TextColumns.lines([head] + rows) { $0 < 2 }.joined(separator: "\n") + "\n"
  }
}
