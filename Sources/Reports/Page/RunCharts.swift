import Charts
import GradientNorms

/// The charts of one run, or of several laid over each other.
struct RunCharts {
  private let runs: [RunRecords]
  private var only: RunRecords? { runs.count == 1 ? runs[0] : nil }

  init(_ runs: [RunRecords]) { self.runs = runs }

  private static let step = Axis("step")

  /// Those that have something to show; loss and norm always.
  var all: [any Chart] {
    var charts: [any Chart] = [loss, norm]
    charts += [applied, clip, noise, rate, update, local, seconds].compactMap { $0 }
    return charts
  }

  // MARK: Charts

  private var loss: LineChart {
    var series = lines("training", \.loss, showsMissing: true)
    for (index, run) in runs.enumerated() {
      guard let report = run.report, report.verdict != .stopped, let loss = report.final.loss else {
        continue
      }
      let name = only == nil ? "\(run.name), held out" : "held out, at the end"
      series.append(
        Series(
          name, [ChartPoint(Double(report.steps), loss)], style: .marks,
          colour: only == nil ? index : 1))
    }
    return chart("Loss", "mean over the batch", series)
  }

  private var norm: LineChart {
    guard let only else {
      return chart("Gradient norm", "before clipping", lines("", \.norm, showsMissing: true))
    }
    var series = lines("‖g‖, before clipping", \.norm, showsMissing: true)
    if !only.series.signal.isEmpty {
      series.append(line("|G|, without the noise", only.series.signal, style: .line, colour: 3))
    }
    let floor = only.series.noiseFloor.means.compactMap { point in
      point.y.map { Band.Point(point.x, low: nil, high: $0) }
    }
    return chart(
      "Gradient norm and its noise floor", "norm of the mean gradient", series,
      bands: [Band("noise floor √(trΣ/B)", floor, colour: 2)])
  }

  private var applied: LineChart? {
    guard let only else { return chart(optional: "Applied norm", "after clipping", \.applied) }
    var series = lines("applied", \.applied)
    // A limit that moves is a line of its own.
    if !only.series.threshold.isEmpty {
      series.append(line("threshold", only.series.threshold, style: .line, colour: 1))
    }
    return series.allSatisfy(isEmpty)
      ? nil : chart("Applied norm and threshold", "norm of what the optimizer got", series)
  }

  private var clip: LineChart? {
    let hasClips = runs.contains {
      !$0.series.threshold.isEmpty || ($0.report?.norm.clippedFraction ?? 0) > 0
    }
    guard hasClips else { return nil }
    var series = lines("coefficient", \.coefficient)
    if let only {
      series.append(
        Series("clip rate", Self.rate(only.series.clipped.means), style: .line, colour: 1))
    }
    return chart(
      "Clip coefficient" + (only == nil ? "" : " and rate"),
      only == nil ? "applied ÷ whole norm" : "share of the norm; share of steps",
      series,
      y: Axis("", lowest: 0, highest: 1))
  }

  private var noise: LineChart? {
    guard let only else {
      return chart(
        optional: "Noise scale", "samples, about the critical batch", \.noiseScale,
        scale: .logarithmic)
    }
    guard !only.series.noiseScale.isEmpty else { return nil }
    let series = [
      line(
        "noise scale trΣ/|G|², about the critical batch", only.series.noiseScale, style: .line,
        colour: 0),
      line("batch", only.series.batch, style: .line, colour: 1),
    ]
    return chart(
      "Noise scale and batch", "samples", series, y: Axis("samples", scale: .logarithmic))
  }

  private var rate: LineChart? {
    chart(optional: "Learning rate", "", \.learningRate, style: .line)
  }

  private var update: LineChart? {
    chart(optional: "Update ÷ weights", "‖Δw‖ / ‖w‖", \.updateRatio)
  }

  private var local: LineChart? {
    guard let only, !only.series.localRMS.isEmpty else { return nil }
    return chart(
      "The ranks' own norms", "before the reduction",
      [
        line("largest of a rank", only.series.maxLocal, style: .smoothed, colour: 1),
        line("root mean square √L", only.series.localRMS, style: .smoothed, colour: 0),
      ])
  }

  private var seconds: LineChart? {
    guard let only else { return chart(optional: "Time of a step", "milliseconds", \.stepMs) }
    let series = [
      line("step", only.series.stepMs, style: .smoothed, colour: 0),
      line("compute", only.series.computeMs, style: .smoothed, colour: 1),
      line("reduce", only.series.reduceMs, style: .smoothed, colour: 2),
    ]
    return only.series.stepMs.isEmpty
      ? nil : chart("Time of a step", "milliseconds, rank 0", series)
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

  private func isEmpty(_ series: Series) -> Bool { series.points.allSatisfy { $0.y == nil } }

  private func line(
    _ name: String, _ folded: DownsampledSeries, style: Series.Style, colour: Int,
    showsMissing: Bool = false
  ) -> Series {
    Series(
      name, folded.points, means: style == .smoothed ? folded.means : nil, style: style,
      colour: colour, showsMissing: showsMissing)
  }

  /// A line a run; `name` is for the only one.
  private func lines(
    _ name: String, _ path: KeyPath<RunSeries, DownsampledSeries>, style: Series.Style = .smoothed,
    showsMissing: Bool = false
  ) -> [Series] {
    runs.enumerated().map { index, run in
      line(
        only == nil ? run.name : name, run.series[keyPath: path], style: style, colour: index,
        showsMissing: showsMissing)
    }
  }

  private func chart(
    optional title: String, _ label: String, _ path: KeyPath<RunSeries, DownsampledSeries>,
    style: Series.Style = .smoothed,
    scale: Axis.Scale = .automatic
  ) -> LineChart? {
    let series = lines("", path, style: style)
    return series.allSatisfy(isEmpty)
      ? nil : chart(title, label, series, y: Axis(label, scale: scale))
  }

  private func chart(
    _ title: String, _ label: String, _ series: [Series], bands: [Band] = [], y: Axis? = nil
  ) -> LineChart {
    var marks: [Marks] = []
    if let only {
      marks.append(Marks("skipped step", at: only.series.skipped.map(Double.init), shape: .flag))
      marks.append(
        Marks("went on from a checkpoint", at: (only.report?.resumedAt ?? []).map(Double.init)))
    }
    return LineChart(
      title, x: Self.step, y: y ?? Axis(label, scale: .automatic), series: series, bands: bands,
      marks: marks)
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
