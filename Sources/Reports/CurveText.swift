import Recording

/// Curves of several runs for a terminal: loss and gradient norm, a line a run under the same steps
/// and on the same scale.
public struct CurveText {
  private let runs: [RunRecords]
  private let width: Int

  /// `width` is the terminal's, in columns.
  public init(_ runs: [RunRecords], width: Int) { (self.runs, self.width) = (runs, width) }

  /// The lines, with a line end after the last; empty where no run has recorded a step.
  public var text: String {
    let steps = runs.map(\.series.lastStep).max() ?? 0
    let names = runs.map { PlainText.sanitized($0.name, limit: 24) }
    let nameWidth = names.map(\.count).max() ?? 0
    let columns = min(160, width - nameWidth - 5)
    guard steps > 0, columns >= 8 else { return "" }
    var lines: [String] = []
    for (title, metric) in [("loss", "loss"), ("gradient norm", "norm.global")] {
      let means = runs.map { run in
        // A shorter run takes as much of the line as it has of the longest one's steps.
        run.series[metric].means(atMost: max(1, columns * run.series.lastStep / steps))
      }
      let finite = means.flatMap { $0.compactMap { $0 }.filter(\.isFinite) }
      guard let low = finite.min(), let high = finite.max() else { continue }
      let isLogarithmic = low > 0 && high > 4 * low
      lines += [
        "",
        "  \(title), means from \(NumberFormat.formatted(low)) to \(NumberFormat.formatted(high))\(isLogarithmic ? ", logarithmic" : ""), steps 1 to \(NumberFormat.grouped(steps))",
      ]
      for (name, values) in zip(names, means) {
        lines.append(
          "  \(name.padded(to: nameWidth))  \(Sparkline.text(values, width: columns, isLogarithmic: isLogarithmic, range: low...high))"
        )
      }
    }
    return lines.isEmpty ? "" : lines.joined(separator: "\n") + "\n"
  }
}
