import Charts
import Recording
import Reports
import Scaling

/// A scaling study as one HTML page: the tables of the text, and curves of speed-up, efficiency,
/// time and what is predicted.
public struct StudyPage {
  private let study: Study

  public init(_ study: Study) { self.study = study }

  public var html: String {
    let charts: [(any Chart)?] =
      study.plan.cores == nil
      ? [speedUp, efficiency, time, steps, prediction, predictedEfficiency]
      : [divisions, time, steps]
    var page = PageText(title: study.title)
    page.element("h1", study.title)
    page.element("p", "\(study.headline); on \(study.machines)")
    if let simulation = study.plan.simulation {
      page.element("p", "Simulated: \(simulation)", style: "alarm")
    }
    page.section("Measured") { page in add(study.measured, to: &page) }
    page.section("Curves") { page in page.charts(charts.compactMap { $0 }) }
    if let table = study.toTarget {
      page.section(table.title.capitalizingFirst) { page in add(table, to: &page) }
    }
    if !study.models.isEmpty {
      page.section("Fitted") { page in
        page.table(
          ["model", "least squares on relative errors"], study.models.map { [$0.name, $0.text] },
          words: 2)
      }
    }
    if let table = study.predicted {
      page.section(table.title.capitalizingFirst) { page in add(table, to: &page) }
    }
    page.section("How it was measured") { page in
      page.element(
        "p",
        "Runs in a random order, medians; each run's own records lie in points/, beside this page.",
        style: "quiet")
      page.details("Experiment, with every default filled in", study.plan.experiment)
    }
    page.end()
    return page.text
  }

  private func add(_ table: StudyTable, to page: inout PageText) {
    page.table(table.columns, table.rows)
    page.list(table.notes.map(\.capitalizingFirst))
  }

  /// With ticks at the rank counts that were measured.
  private var ranks: Axis {
    Axis("ranks", scale: .automatic, ticks: study.counts.map { x($0.ranks) })
  }
  private func x(_ ranks: Int) -> Double { Double(ranks) }

  /// Rank counts between the smallest and the largest that was measured, for curves.
  private var between: [Int] {
    let (low, high) = (study.counts.first!.ranks, study.counts.last!.ranks)
    let step = max(1, (high - low) / 60)
    return Array(stride(from: low, to: high, by: step)) + [high]
  }

  private var speedUp: LineChart {
    let base = study.base
    let ideal = Series(
      "ideal", [base.ranks, study.counts.last!.ranks].map { ChartPoint(x($0), x($0)) }, colour: 7)
    let laws = study.laws.compactMap(\.fit).map { fit in
      let scale = Double(base.ranks) / fit.throughput(base.ranks)
      return Series(fit.law.name, between.map { ChartPoint(x($0), fit.throughput($0) * scale) })
    }
    let repeats = Series(
      "each repeat",
      study.sound.flatMap(\.runs).map {
        ChartPoint(x($0.ranks), study.speedUp(samplesPerSecond: $0.samplesPerSecond))
      },
      style: .marks)
    return LineChart(
      "Speed-up", x: ranks, y: Axis("times", lowest: 0),
      series: [points("measured", study.sound, study.speedUp), repeats]
        + taking(study.speedUp) + [ideal] + laws)
  }

  private var efficiency: LineChart {
    LineChart(
      "Efficiency", x: ranks, y: Axis("of ideal", lowest: 0),
      series: [points("measured", study.sound, study.efficiency)] + taking(study.efficiency),
      levels: [Level("ideal", 1)])
  }

  /// Steps of fixed cores by the threads of a rank.
  private var divisions: LineChart {
    let ordered = study.counts.sorted { $0.threads < $1.threads }
    func series(_ name: String, _ counts: [RankCount], _ style: Series.Style) -> Series {
      let points = counts.flatMap { count in
        style == .marks
          ? count.runs.map { ChartPoint(x(count.threads), $0.step.median * 1e3) }
          : [ChartPoint(x(count.threads), count.step.median * 1e3)]
      }
      return Series(name, points, style: style)
    }
    let (sound, taking) = (
      ordered.filter { !$0.isOversubscribed }, ordered.filter(\.isOversubscribed)
    )
    return LineChart(
      "Step by threads a rank",
      x: Axis("threads a rank", scale: .automatic, ticks: ordered.map { x($0.threads) }),
      y: Axis("ms", lowest: 0),
      series: [series("measured", sound, .line), series("each repeat", sound, .marks)]
        + (taking.isEmpty ? [] : [series("oversubscribed", taking, .marks)]))
  }

  private func points(_ name: String, _ counts: [RankCount], _ value: (RankCount) -> Double)
    -> Series
  {
    Series(name, counts.map { ChartPoint(x($0.ranks), value($0)) }, style: .line)
  }

  private func taking(_ value: (RankCount) -> Double) -> [Series] {
    let counts = study.counts.filter(\.isOversubscribed)
    return counts.isEmpty
      ? []
      : [Series("oversubscribed", counts.map { ChartPoint(x($0.ranks), value($0)) }, style: .marks)]
  }

  private var time: StackedBars {
    StackedBars(
      "Where a step goes", label: "ms, mean over ranks",
      parts: Phase.allCases.map(\.name),
      rows: study.counts.map { count in
        StackedBars.Row(
          (study.plan.cores == nil ? NumberFormat.counted(count.ranks, "rank") : count.division)
            + (count.isOversubscribed ? " *" : ""),
          Phase.allCases.map { count.mean($0) * 1e3 })
      })
  }

  private var steps: LineChart? {
    guard let efficiency = study.efficiency, Set(efficiency.rows.map(\.globalBatch)).count > 1
    else { return nil }
    func line(_ name: String, _ value: (StatisticalEfficiency.Row) -> Double?) -> Series {
      Series(name, efficiency.rows.map { ChartPoint(Double($0.globalBatch), value($0)) })
    }
    return LineChart(
      "Steps to a loss of \(NumberFormat.formatted(efficiency.targetLoss))",
      x: Axis("global batch", scale: .automatic), y: Axis("steps", lowest: 0),
      series: [line("measured") { $0.steps }, line("by the noise scale") { $0.forecast }])
  }

  private var prediction: LineChart? {
    guard study.predictions.count > 1 else { return nil }
    func line(_ name: String, _ value: (Study.Prediction) -> Double?) -> Series {
      Series(name, study.predictions.map { ChartPoint(x($0.ranks), value($0).map { $0 * 1e3 }) })
    }
    return LineChart(
      "Predicted step", x: Axis("ranks", scale: .automatic), y: Axis("ms", scale: .automatic),
      series: [
        line("flat exchange") { $0.flat }, line("hierarchical") { $0.hierarchical },
        points("measured", study.sound) { $0.step.median * 1e3 },
      ])
  }

  private var predictedEfficiency: LineChart? {
    guard study.predictions.count > 1 else { return nil }
    return LineChart(
      "Predicted efficiency", x: Axis("ranks", scale: .automatic), y: Axis("of ideal", lowest: 0),
      series: [
        Series("predicted", study.predictions.map { ChartPoint(x($0.ranks), $0.efficiency) }),
        points("measured", study.sound, study.efficiency),
      ])
  }
}

extension String {
  fileprivate var capitalizingFirst: String { prefix(1).uppercased() + dropFirst() }
}
