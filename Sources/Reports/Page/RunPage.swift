import Charts
import GradientNorms
import Recording

/// `report.html`: one run on a page that needs nothing but itself.
public struct RunPage {
  private let run: RunRecords
  private let charts: RunCharts

  public init(_ run: RunRecords) { (self.run, charts) = (run, RunCharts([run])) }

  public var html: String {
    var page = PageText(title: "\(run.name) (\(run.directory)) – Lockstep")
    page.raw("<header>")
    page.element("h1", run.name)
    verdict(into: &page)
    page.raw("</header>")
    page.tiles(tiles)
    page.section("Curves") { page in
      page.element(
        "p",
        "Pale lines are single steps, strong ones their running mean over a fortieth of the run.",
        style: "quiet")
      page.charts(charts.all + (charts.ranks.map { [$0] } ?? []))
    }
    if let layers = charts.layers { page.section("Layers") { $0.wide(layers) } }
    noise(into: &page)
    if let report = run.report { ranks(report, into: &page) }
    incidents(into: &page)
    skips(into: &page)
    page.section("How it was run") { page in
      page.element("p", run.directory, style: "quiet")
      if let experiment = run.experiment {
        page.details("Experiment, with every default filled in", experiment)
      }
      if let environment = run.environment { page.details("Environment", environment) }
    }
    page.end()
    return page.text
  }

  /// Replaces a file by the page.
  public func write(to path: String) throws(RunFileError) {
    try JSONFile.write(Array(html.utf8), to: path)
  }

  // MARK: Head

  private func verdict(into page: inout PageText) {
    if let failure = run.failure { page.element("p", "The run failed: \(failure)", style: "alarm") }
    if let simulation = run.report?.simulation {
      page.element("p", "Simulated: \(simulation)", style: "alarm")
    }
    if let report = run.report {
      let (style, sign) = report.verdict.appearance
      page.element(
        "p", "\(sign) \(report.verdict.rawValue.replacingHyphens)", style: "verdict \(style)")
      page.list(report.reasons)
    } else {
      let (style, words) = run.failure == nil ? ("warn", "… no verdict") : ("bad", "✗ failed")
      page.element("p", words, style: "verdict \(style)")
      page.element(
        "p",
        run.series.steps == 0
          ? "No step is recorded."
          : "Steps up to \(NumberFormat.grouped(run.series.lastStep)) are recorded; the run has not ended with a report."
      )
    }
    for note in run.notes { page.element("p", note, style: "alarm") }
  }

  private var tiles: [(name: String, value: String, note: String)] {
    guard let report = run.report else {
      return [
        ("steps recorded", NumberFormat.grouped(run.series.steps), ""),
        ("loss", NumberFormat.formatted(run.series["loss"].last), "the last there was"),
        (
          "gradient norm", NumberFormat.formatted(run.series["norm.global"].last),
          "the last there was"
        ),
        ("skipped", NumberFormat.grouped(run.series.skippedCount), "steps"),
      ]
    }
    let (final, norm, speed) = (report.final, report.norm, report.throughput)
    var tiles = [
      (
        "loss", NumberFormat.formatted(final.loss),
        final.loss == nil ? "not evaluated" : report.verdict == .stopped ? "training" : "held out"
      )
    ]
    if let accuracy = final.accuracy {
      tiles.append(("accuracy", NumberFormat.fixed(accuracy, decimals: 4), "held out"))
    }
    for other in final.others {
      tiles.append(
        (
          String(other.name.map { $0 == "_" ? " " : $0 }), NumberFormat.formatted(other.value),
          "held out"
        ))
    }
    tiles += [
      (
        "steps", NumberFormat.grouped(report.steps),
        "\(NumberFormat.fixed(report.epochs, decimals: 2)) epochs, \(NumberFormat.grouped(report.samples)) samples"
      ),
      (
        "gradient norm", NumberFormat.formatted(norm.last),
        "first \(NumberFormat.formatted(norm.first)), largest \(NumberFormat.formatted(norm.max))"
      ),
      (
        "clipped", NumberFormat.percent(norm.clippedFraction),
        norm.certifiedFraction.map { "of steps; \(NumberFormat.percent($0)) certified unclipped" }
          ?? "of steps"
      ),
      ("skipped", NumberFormat.grouped(norm.skipped), norm.skipped == 1 ? "step" : "steps"),
      (
        "noise scale", report.noiseScale.map { NumberFormat.rate($0) } ?? "not resolved",
        report.noiseScale == nil ? "" : "samples, about the critical batch"
      ),
      (
        "samples a second", NumberFormat.rate(speed.samplesPerSecond),
        "on \(NumberFormat.counted(report.ranks.count, "rank"))"
      ),
      (
        "step", NumberFormat.formatted(speed.stepMsMedian) + " ms",
        "median; 95 % below \(NumberFormat.formatted(speed.stepMsP95)) ms"
      ),
    ]
    if let spikes = report.spikeScore, spikes.loss != nil || spikes.norm != nil {
      tiles.append(
        (
          "spike score", NumberFormat.percent(spikes.norm),
          "of norms, \(NumberFormat.percent(spikes.loss)) of losses, \(NumberFormat.formatted(spikes.deviations)) deviations off"
        ))
    }
    if let bias = report.clipBias {
      tiles.append(
        (
          "clip bias", NumberFormat.percent(bias.relative),
          "off the exact clip (scope \(bias.scope)), cosine \(NumberFormat.fixed(bias.cosine, decimals: 4))"
        ))
    }
    if report.restarts > 0 { tiles.append(("restarts", NumberFormat.grouped(report.restarts), "")) }
    return tiles
  }

  // MARK: Noise, ranks and skips

  private static let namedTensors = 12

  /// The tensors that would gain from the largest batches.
  private func noise(into page: inout PageText) {
    guard let noise = run.series.layerNoise else { return }
    let resolved = noise.layers.filter { $0.scale != nil }.sorted { $0.scale! > $1.scale! }
    page.section("Noise of the tensors' gradients") { page in
      page.table(
        ["tensor", "noise scale", "|G|²", "trΣ"],
        resolved.prefix(Self.namedTensors).map {
          [
            $0.name, NumberFormat.formatted($0.scale), NumberFormat.formatted($0.signal),
            NumberFormat.formatted($0.variance),
          ]
        },
        caption:
          "the largest noise scales, in samples, up to step \(NumberFormat.grouped(noise.step)); resolved for \(resolved.count) of \(NumberFormat.counted(noise.layers.count, "tensor"))"
      )
    }
  }

  private func ranks(_ report: ConvergenceReport, into page: inout PageText) {
    guard !report.ranks.isEmpty else { return }
    page.section("Ranks") { page in
      let rows = report.ranks.map { rank in
        [
          String(rank.rank), rank.host, NumberFormat.grouped(rank.samples),
          NumberFormat.formatted(rank.finalLoss), NumberFormat.formatted(rank.meanLocalNorm),
          NumberFormat.fixed(rank.secondsWaiting, decimals: 2),
          rank.weightsSHA256.map { String($0.prefix(12)) } ?? "–",
        ]
      }
      let same = Set(report.ranks.map(\.weightsSHA256))
      let caption =
        same.contains(nil)
        ? "weights not compared"
        : same.count == 1 ? "weights identical on all ranks" : "WEIGHTS DIFFER between ranks"
      page.table(
        ["rank", "host", "samples", "last loss", "local norm", "waiting s", "weights"], rows,
        words: 2, caption: caption)
    }
  }

  private func incidents(into page: inout PageText) {
    let shown = run.incidents.prefix(20)
    guard !shown.isEmpty else { return }
    page.section("Incidents") { page in
      let rows = shown.map { incident in
        [
          incident.cause.rawValue, incident.kind.rawValue, NumberFormat.grouped(incident.step),
          incident.rank.map { "\($0)" } ?? "–", incident.host ?? "–", incident.tensor ?? "–",
          incident.samples.isEmpty
            ? "–" : incident.samples.map { "\($0)" }.joined(separator: ", "),
        ]
      }
      page.table(["cause", "alarm", "step", "rank", "host", "tensor", "samples"], rows, words: 2)
      for incident in shown {
        page.element("p", "Step \(NumberFormat.grouped(incident.step)): \(incident.text)")
        page.list(incident.evidence)
      }
      if run.incidents.count > shown.count {
        page.element(
          "p",
          "\(NumberFormat.counted(run.incidents.count - shown.count, "more incident")); incidents.jsonl has each."
        )
      }
    }
  }

  private func skips(into page: inout PageText) {
    let named = run.report?.skips.map { (step: $0.step, reason: $0.text) } ?? run.series.skipReasons
    guard !named.isEmpty || run.series.skippedCount > 0 else { return }
    page.section("Skipped steps") { page in
      page.list(named.map { "Step \(NumberFormat.grouped($0.step)): \($0.reason)" })
      let more = max(run.report?.norm.skipped ?? 0, run.series.skippedCount) - named.count
      if more > 0 {
        page.element(
          "p",
          "\(NumberFormat.counted(more, named.isEmpty ? "step" : "more step")) skipped; metrics.jsonl names each."
        )
      }
    }
  }
}

extension ConvergenceReport.Verdict {
  /// A class of the style sheet and a sign, so that colour is not all there is.
  var appearance: (style: String, sign: String) {
    switch self {
    case .converged, .converging, .noiseFloor: ("good", "✓")
    case .overfitting, .oscillating, .vanishing, .stopped, .tooShort, .motionless: ("warn", "!")
    case .diverging, .diverged: ("bad", "✗")
    }
  }
}
