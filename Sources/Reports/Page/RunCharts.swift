import Charts
import GradientNorms
import Recording

/// The charts of one run, or of several laid over each other.
struct RunCharts {
  private let runs: [RunRecords]
  private var only: RunRecords? { runs.count == 1 ? runs[0] : nil }

  init(_ runs: [RunRecords]) { self.runs = runs }

  private static let step = Axis("step")

  /// Those that have something to show, in the order of the metrics.
  var all: [any Chart] {
    var charts = groups.compactMap { group -> LineChart? in
      group.chart.isCompared || only != nil ? draw(group) : nil
    }
    // After that of the loss, which comes first.
    if let score { charts.insert(score, at: min(1, charts.count)) }
    return charts
  }

  /// A chart's metrics.
  private typealias Group = (chart: MetricChart, lines: [(metric: String, line: MetricLine)])

  private var groups: [Group] {
    var groups: [Group] = []
    var known: Set<String> = []
    for (metric, line, _) in runs.flatMap(\.series.metrics) {
      let name = metric.declaration.name
      guard known.insert(name).inserted else { continue }
      if let place = groups.firstIndex(where: { $0.chart.title == line.chart.title }) {
        groups[place].lines.append((name, line))
      } else {
        groups.append((line.chart, [(name, line)]))
      }
    }
    return groups
  }

  // MARK: Charts

  /// Nil where the chart has nothing to show.
  private func draw(_ group: Group) -> LineChart? {
    let (chart, first) = (group.chart, group.lines[0])
    // Several runs are compared by the first metric.
    let shown = only == nil ? [first] : group.lines
    guard
      chart.isAlwaysShown
        || runs.contains(where: { run in shown.contains { !run.series[$0.metric].isEmpty } }),
      chart.needs.isEmpty
        || runs.contains(where: { run in chart.needs.contains { run.series[$0].hasNonZero } })
    else { return nil }
    guard let only else {
      // A line a run.
      let series = runs.enumerated().map { index, run in
        self.series(run.name, run.series[first.metric], first.line, colour: index)
      }
      let (title, label) = chart.compared ?? (chart.title, chart.label)
      return lineChart(
        title, y: chart.axis(label: label), series + (chart.hasHeldOut ? heldOut : []))
    }
    var (series, bands): ([Series], [Band]) = ([], [])
    for (metric, line) in group.lines {
      let values = only.series[metric]
      if metric != first.metric && values.isEmpty { continue }
      if let whole = line.whole, values.sum < 0.01 * only.series[whole].sum { continue }
      if line.style == .band {
        bands.append(band(values, line))
      } else {
        series.append(self.series(line.name, values, line, colour: line.colour ?? series.count))
      }
    }
    return lineChart(
      chart.title, y: chart.axis(label: chart.label), series + (chart.hasHeldOut ? heldOut : []),
      bands: bands)
  }

  /// The loss on rows held out while training, and on the test set at the end of each run that was
  /// evaluated.
  private var heldOut: [Series] {
    runs.enumerated().flatMap { index, run in
      let name = only == nil ? "\(run.name), held out" : "held out"
      let colour = only == nil ? index : 1
      let evaluations = run.series.heldOut
      var curve = evaluations.isEmpty ? [] : [Series(name, evaluations.points, colour: colour)]
      if only != nil, !run.series.average.isEmpty {
        curve.append(
          Series("held out, mean of the weights", run.series.average.points, colour: 2))
      }
      guard let report = run.report, report.verdict != .stopped, let loss = report.final.loss else {
        return curve
      }
      let end =
        curve.isEmpty
        ? only == nil ? name : "held out, at the end"
        : only == nil ? "\(run.name), test set" : "test set, at the end"
      return curve
        + [Series(end, [ChartPoint(Double(report.steps), loss)], style: .marks, colour: colour)]
    }
  }

  /// The model's score on rows held out while training; nil where there is none.
  private var score: LineChart? {
    let lines = runs.enumerated().compactMap { index, run -> (name: String, series: Series)? in
      guard let name = run.series.scoreName, !run.series.heldOutScore.isEmpty else { return nil }
      let line = Series(
        only == nil ? run.name : "held out", run.series.heldOutScore.points,
        colour: only == nil ? index : 1)
      return (String(name.map { $0 == "_" ? " " : $0 }), line)
    }
    guard let first = lines.first else { return nil }
    let average = only.map { $0.series.averageScore.points } ?? []
    return lineChart(
      "Score on rows held out", y: Axis(first.name),
      lines.map(\.series)
        + (average.isEmpty ? [] : [Series("mean of the weights", average, colour: 2)]))
  }

  /// The norms of the tensors over the run; nil where none are recorded.
  var layers: HeatMap? {
    guard let only, !only.series.layers.names.isEmpty else { return nil }
    let layers = only.series.layers
    return HeatMap(
      "Norms of the tensors' gradients",
      label: "‖g‖ of each tensor, before clipping, root mean square of neighbouring steps",
      x: Self.step,
      span: Double(layers.first)...Double(max(layers.first + 1, layers.last)),
      rows: layers.rows(atMost: 120).map { HeatMap.Row($0.name, $0.values) })
  }

  /// Where each rank's time went; nil where nothing was recorded.
  var ranks: StackedBars? {
    guard let only, !only.series.ranks.isEmpty else { return nil }
    let ranks = only.series.ranks
    let least = ranks.map(\.seconds.together).min() ?? 0
    let rows = ranks.map { rank -> StackedBars.Row in
      // Only in the calls that wait for others can a rank wait; the one that waits least is the one
      // the others wait for.
      let waiting = rank.seconds.together - least
      var left = waiting
      let own = Phase.allCases.map { phase in
        let seconds = rank.seconds[phase]
        guard phase.waitsForOthers else { return seconds }
        let waited = min(seconds, left)
        left -= waited
        return seconds - waited
      }
      return StackedBars.Row("rank \(rank.rank)", own + [waiting])
    }
    // As many as can be read: beyond, neighbours are averaged.
    let each = (rows.count + 39) / 40
    let shown = stride(from: 0, to: rows.count, by: each).map { start -> StackedBars.Row in
      let part = rows[start..<min(rows.count, start + each)]
      if part.count == 1 { return part[start] }
      let sums = part[start].values.indices.map { index in
        part.reduce(0) { $0 + $1.values[index] } / Double(part.count)
      }
      return StackedBars.Row("ranks \(start)–\(start + part.count - 1)", sums)
    }
    return StackedBars(
      "Where each rank's time went", label: each == 1 ? "seconds" : "seconds, means over ranks",
      parts: Phase.allCases.map(\.name) + ["waiting"], rows: shown)
  }

  // MARK: How they are made

  private func series(_ name: String, _ values: DownsampledSeries, _ line: MetricLine, colour: Int)
    -> Series
  {
    Series(
      name, line.style == .share ? Self.rate(values.means) : values.points,
      means: line.style == .smoothed ? values.means : nil,
      style: line.style == .smoothed ? .smoothed : .line, colour: colour,
      showsMissing: line.showsMissing)
  }

  private func band(_ values: DownsampledSeries, _ line: MetricLine) -> Band {
    let points = values.means.compactMap { point in
      point.y.map { Band.Point(point.x, low: nil, high: $0) }
    }
    return Band(line.name, points, colour: line.colour)
  }

  private func lineChart(_ title: String, y: Axis, _ series: [Series], bands: [Band] = [])
    -> LineChart
  {
    var marks: [Marks] = []
    if let only {
      marks.append(Marks("skipped step", at: only.series.skipped.map(Double.init), shape: .flag))
      marks.append(
        Marks("went on from a checkpoint", at: (only.report?.resumedAt ?? []).map(Double.init)))
    }
    return LineChart(title, x: Self.step, y: y, series: series, bands: bands, marks: marks)
  }

  /// The running mean of what is 0 or 1, over a fortieth of the run.
  private static func rate(_ points: [ChartPoint]) -> [ChartPoint] {
    let width = max(min(20, points.count), points.count / 40)
    var sum = 0.0
    return points.enumerated().map { index, point in
      sum += point.y ?? 0
      if index >= width { sum -= points[index - width].y ?? 0 }
      return ChartPoint(point.x, max(0, sum) / Double(min(index + 1, width)))
    }
  }
}
