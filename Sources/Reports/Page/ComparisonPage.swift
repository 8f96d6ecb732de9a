import Charts
import GradientNorms
import Recording

/// Several runs on one page: curves laid over each other, and what is different.
public struct ComparisonPage {
  private let runs: [RunRecords]

  public init(_ runs: [RunRecords]) {
    // Equal names would leave the curves without one.
    let names = RunSettings.distinctNames(runs.map { ($0.name, $0.directory) })
    self.runs = zip(runs, names).map { run, name in
      var run = run
      run.name = name
      return run
    }
  }

  private var title: String {
    let names = runs.map { PlainText.sanitized($0.name, limit: 60) }
    return names.count > 3
      ? "\(NumberFormat.counted(names.count, "run")) compared"
      : names.joined(separator: ", ") + " compared"
  }

  public var html: String {
    var page = PageText(title: "\(title) – Lockstep")
    page.raw("<header>")
    page.element("h1", "\(NumberFormat.counted(runs.count, "run")) compared")
    page.element("p", runs.map(\.name).joined(separator: ", "), style: "quiet")
    page.raw("</header>")
    for note in runs.flatMap(\.notes) { page.element("p", note, style: "alarm") }
    page.section("NumberFormat") { page in
      page.table(
        ["", "verdict"] + Self.figures.map(\.name), runs.map(row), words: 2,
        caption: "Underlined: differs from the first run"
      ) {
        index, column in index > 0 && column > 0 && row(runs[index])[column] != row(runs[0])[column]
      }
    }
    let settings = RunSettings.differences(runs.map(\.settings))
    page.section("What was set differently") { page in
      if settings.isEmpty {
        page.element("p", "Nothing that an experiment file says.")
      } else {
        page.table(
          [""] + settings.map(\.key),
          runs.indices.map { index in [runs[index].name] + settings.map { $0.values[index] } },
          words: 99)
      }
    }
    page.section("Curves") { page in
      page.element(
        "p",
        "Pale lines are single steps, strong ones their running mean over a fortieth of the run.",
        style: "quiet")
      page.charts(RunCharts(runs).all)
    }
    page.section("Verdicts") { page in
      for run in runs {
        page.element("h3", run.name)
        if let report = run.report {
          let (style, sign) = report.verdict.appearance
          page.element(
            "p", "\(sign) \(report.verdict.rawValue.replacingHyphens)", style: "verdict \(style)")
          page.list(report.reasons)
        } else {
          page.element(
            "p", "… no verdict: the run has not ended with a report", style: "verdict warn")
        }
        page.element("p", run.directory, style: "quiet")
      }
    }
    page.end()
    return page.text
  }

  /// Replaces a file by the page.
  public func write(to path: String) throws(RunFileError) {
    try JSONFile.write(Array(html.utf8), to: path)
  }

  private static let figures: [(name: String, text: @Sendable (ConvergenceReport) -> String)] = [
    ("ranks", { String($0.ranks.count) }), ("steps", { NumberFormat.grouped($0.steps) }),
    ("samples", { NumberFormat.grouped($0.samples) }),
    ("loss", { NumberFormat.formatted($0.final.loss) }),
    (
      "score",
      {
        $0.final.accuracy.map { NumberFormat.fixed($0, decimals: 4) }
          ?? NumberFormat.formatted($0.final.score?.value)
      }
    ),
    ("norm", { NumberFormat.formatted($0.norm.last) }),
    ("largest", { NumberFormat.formatted($0.norm.max) }),
    ("clipped", { NumberFormat.percent($0.norm.clippedFraction) }),
    ("skipped", { NumberFormat.grouped($0.norm.skipped) }),
    ("noise scale", { NumberFormat.rate($0.noiseScale) }),
    ("samples/s", { NumberFormat.rate($0.throughput.samplesPerSecond) }),
    ("step ms", { NumberFormat.formatted($0.throughput.stepMsMedian) }),
    ("restarts", { NumberFormat.grouped($0.restarts) }),
  ]

  private func row(_ run: RunRecords) -> [String] {
    [run.name]
      + (run.report.map { report in
        [report.verdict.rawValue.replacingHyphens] + Self.figures.map { $0.text(report) }
      }
        ?? ["none"] + Self.figures.map { _ in "–" })
  }
}
