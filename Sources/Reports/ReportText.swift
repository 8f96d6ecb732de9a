import GradientNorms
import Recording

/// A convergence report as a block of text, as wide as the style says where its words allow.
public struct ReportText {
  private let report: ConvergenceReport
  private let name: String
  private let place: String
  private let style: TextStyle

  /// The last line is `place`: where to read on.
  public init(_ report: ConvergenceReport, name: String, place: String, style: TextStyle = .plain) {
    self.report = report
    self.name = PlainText.sanitized(name, limit: 80)
    self.place = PlainText.sanitized(place)
    self.style = style
  }

  /// The block, with a line end after its last line.
  public var text: String {
    var lines = [headline]
    for reason in report.reasons { lines += wrapped(PlainText.sanitized(reason)) }
    lines +=
      [""] + facts + [""] + skips + RankTable(report.ranks).lines(style) + wrapped(weights) + [
        "", "  \(place)",
      ]
    return lines.joined(separator: "\n") + "\n"
  }

  private var headline: String {
    let verdict = report.verdict.rawValue.replacingHyphens
    let gap = name.count + 2 + verdict.count > style.width ? "\n  " : " "
    return
      "\(strong(name)):\(gap)\(style.allowsEscapes ? "\u{1B}[1;\(colourCode)m\(verdict)\u{1B}[0m" : verdict)"
  }

  private var colourCode: Int {
    switch report.verdict {
    case .converged, .converging, .noiseFloor: 32
    case .overfitting, .oscillating, .vanishing, .stopped, .tooShort, .motionless: 33
    case .diverging, .diverged: 31
    }
  }

  private func strong(_ text: String) -> String {
    style.allowsEscapes ? "\u{1B}[1m\(text)\u{1B}[0m" : text
  }

  // MARK: Facts

  private var facts: [String] {
    let final = report.final
    var lines =
      fact(
        "trained",
        "\(NumberFormat.counted(report.steps, "step")), \(NumberFormat.fixed(report.epochs, decimals: 2)) epochs, "
          + "\(NumberFormat.counted(report.samples, "sample")) on \(NumberFormat.counted(report.ranks.count, "rank"))"
          + (report.restarts > 0 ? ", \(NumberFormat.counted(report.restarts, "restart"))" : ""))
    let loss =
      final.loss == nil && report.verdict == .stopped
      ? "not evaluated: the run was stopped" : NumberFormat.formatted(final.loss)
    lines += fact(
      "loss",
      loss + (final.accuracy.map { ", " + ProgressText.text(NamedNumber("accuracy", $0)) } ?? ""))
    for other in final.others {
      lines += fact(PlainText.sanitized(other.name, limit: 12), NumberFormat.formatted(other.value))
    }
    if let average = final.average {
      lines += fact("average", "\(ProgressText.text(average)), of the mean of the weights")
    }
    if let heldOut = report.heldOut { lines += fact("held out", Self.text(heldOut)) }
    let norm = report.norm
    let skipped =
      norm.skipped == 0
      ? "no step skipped" : "\(NumberFormat.counted(norm.skipped, "step")) skipped"
    lines += fact(
      "norm",
      "\(NumberFormat.formatted(norm.first)) first, \(NumberFormat.formatted(norm.last)) last, \(NumberFormat.formatted(norm.max)) largest; "
        + "\(NumberFormat.percent(norm.clippedFraction)) of steps clipped, \(skipped)")
    if let certified = norm.certifiedFraction {
      lines += fact(
        "certified",
        "\(NumberFormat.percent(certified)) of steps: the ranks' own norms proved that the clip would not act"
      )
    }
    if let bias = report.clipBias {
      lines += fact(
        "clip bias",
        "scope \(PlainText.sanitized(bias.scope, limit: 20)): \(NumberFormat.percent(bias.relative)) off the exact clip, cosine "
          + "\(NumberFormat.fixed(bias.cosine, decimals: 4)) (mean of \(NumberFormat.counted(bias.measuredSteps, "measured step")))"
      )
    }
    if let spikes = report.spikeScore, spikes.loss != nil || spikes.norm != nil {
      lines += fact(
        "spike score",
        "loss \(NumberFormat.percent(spikes.loss)), norm \(NumberFormat.percent(spikes.norm)) of steps, "
          + "\(NumberFormat.formatted(spikes.deviations)) standard deviations off the \(NumberFormat.grouped(spikes.window)) before"
      )
    }
    lines += fact(
      "noise scale",
      report.noiseScale.map { "\(NumberFormat.rate($0)) samples, where noise equals signal" }
        ?? "not resolved")
    let speed = report.throughput
    lines += fact(
      "speed",
      "\(NumberFormat.rate(speed.samplesPerSecond)) samples/s; a step takes \(NumberFormat.formatted(speed.stepMsMedian)) ms (median), "
        + "\(NumberFormat.formatted(speed.stepMsP95)) ms (95th percentile)")
    if let simulation = report.simulation {
      lines += fact("simulated", PlainText.sanitized(simulation))
    }
    return lines + timeBar
  }

  private static func text(_ heldOut: ConvergenceReport.HeldOut) -> String {
    func point(_ point: ConvergenceReport.HeldOut.Point) -> String {
      "\(NumberFormat.formatted(point.loss)) (step \(NumberFormat.grouped(point.step)))"
    }
    let losses = [
      heldOut.best.map { "lowest loss \(point($0))" }, heldOut.last.map { "last \(point($0))" },
    ].compactMap { $0 }
    let file = heldOut.bestFile.map {
      "; best.safetensors is of step \(NumberFormat.grouped($0))"
    }
    return
      "\(losses.joined(separator: ", ")); \(NumberFormat.counted(heldOut.evaluations, "evaluation")) of \(NumberFormat.counted(heldOut.rows, "row"))"
      + (file ?? "")
  }

  /// A name and what follows it, on further lines under the value where it is long.
  private func fact(_ name: String, _ value: String) -> [String] {
    guard style.width >= 3 * Self.valueColumn else { return wrapped("\(name): \(value)") }
    let lines = WrappedText.lines(
      value, indent: Self.valueColumn, hanging: Self.valueColumn, width: style.width)
    return ["  " + name.padded(to: Self.valueColumn - 2) + lines[0].drop { $0 == " " }]
      + lines.dropFirst()
  }

  private static let valueColumn = 15

  /// Words on as many lines as they take.
  private func wrapped(_ text: String) -> [String] {
    WrappedText.lines(text, indent: 2, width: style.width)
  }

  /// Of the phases in their order.
  private static let textures = "·█▓▒░▚▞◦".map(String.init)

  /// A bar of at most 60 cells with one texture a part, and the parts in words under it.
  private var timeBar: [String] {
    // Reading the batch, the first phase, is no work of the model: it comes last.
    let phases = Phase.allCases.dropFirst() + Phase.allCases.prefix(1)
    let parts = phases.map { phase in
      let share = report.timeShare[phase]
      return (phase.name, share.isFinite ? max(0, share) : 0, Self.textures[phase.rawValue])
    }
    let total = parts.reduce(0) { $0 + $1.1 }
    guard total > 0 else { return [] }
    let cells = Double(min(60, max(8, style.width - Self.valueColumn)))
    var bar = ""
    var (sum, drawn) = (0.0, 0)
    for (_, fraction, texture) in parts {
      sum += fraction
      let end = Int((sum / total * cells).rounded())
      bar += String(repeating: texture, count: end - drawn)
      drawn = end
    }
    let words = parts.map { "\($0.2) \($0.0) \(NumberFormat.percent($0.1 / total))" }
    return fact("time", bar)
      + WrappedText.lines(
        words, separator: "   ", indent: Self.valueColumn, hanging: Self.valueColumn,
        width: style.width)
  }

  // MARK: Skips, ranks, weights

  private var skips: [String] {
    guard !report.skips.isEmpty else { return [] }
    var lines = report.skips.flatMap {
      wrapped("skipped step \($0.step): \(PlainText.sanitized($0.text))")
    }
    if report.norm.skipped > report.skips.count {
      lines += wrapped(
        "and \(NumberFormat.counted(report.norm.skipped - report.skips.count, "more skipped step"))"
      )
    }
    return lines + [""]
  }

  private var weights: String {
    let digests = report.ranks.map(\.weightsSHA256)
    guard !digests.isEmpty, !digests.contains(nil) else { return "weights not compared" }
    let groups = Dictionary(grouping: report.ranks, by: \.weightsSHA256)
    if groups.count == 1 {
      return digests.count == 1 ? "one rank: nothing to compare" : "weights identical on all ranks"
    }
    // The largest group is taken for right; between equals, the one with the lowest rank.
    let right = groups.values.max { ($0.count, -$0[0].rank) < ($1.count, -$1[0].rank) }![0]
      .weightsSHA256
    let others = report.ranks.filter { $0.weightsSHA256 != right }.map(\.rank)
    return
      "WEIGHTS DIFFER: \(RankRanges.text(others)) \(others.count == 1 ? "does" : "do") not hold what the other ranks hold"
  }
}

extension String {
  var replacingHyphens: String { String(map { $0 == "-" ? " " : $0 }) }

  /// The text with spaces after it, to a width.
  public func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }

  /// The text with spaces before it, to a width.
  public func right(_ width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }
}
