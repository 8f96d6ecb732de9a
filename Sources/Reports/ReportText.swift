import Glibc

/// A convergence report as a block of text, at most 100 columns wide where its words allow.
public struct ReportText {
  private let report: ConvergenceReport
  private let name: String
  private let directory: String
  private let colour: Bool
  private static let width = 100

  /// The last line names `directory`, or the page in it. `colour` is for terminals only.
  public init(_ report: ConvergenceReport, name: String, directory: String, colour: Bool = false) {
    self.report = report
    self.name = PlainText.line(name, limit: 80)
    let page = RunDirectory(directory).page
    self.directory = PlainText.line(access(page, F_OK) == 0 ? page : directory)
    self.colour = colour
  }

  /// The block, with a line end after its last line.
  public var text: String {
    var lines = [headline]
    for reason in report.reasons { lines += Self.wrapped(PlainText.line(reason), indent: 2) }
    lines += [""] + facts + [""] + skips + rankTable + [weights, "", "  \(directory)"]
    return lines.joined(separator: "\n") + "\n"
  }

  private var headline: String {
    let verdict = report.verdict.rawValue.replacingHyphens
    return "\(strong(name)): \(colour ? "\u{1B}[1;\(colourCode)m\(verdict)\u{1B}[0m" : verdict)"
  }

  private var colourCode: Int {
    switch report.verdict {
    case .converged, .converging, .noiseFloor: 32
    case .oscillating, .vanishing, .stopped: 33
    case .diverging, .diverged: 31
    }
  }

  private func strong(_ text: String) -> String { colour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

  // MARK: Facts

  private var facts: [String] {
    let final = report.final
    var lines = [
      fact(
        "trained",
        "\(Figures.counted(report.steps, "step")), \(Figures.fixed(report.epochs, decimals: 2)) epochs, "
          + "\(Figures.counted(report.samples, "sample")) on \(Figures.counted(report.ranks.count, "rank"))"
          + (report.restarts > 0 ? ", \(Figures.counted(report.restarts, "restart"))" : "")),
      fact("loss", Figures.short(final.loss) + (final.accuracy.map { ", " + ProgressText.text(NamedNumber("accuracy", $0)) } ?? "")),
    ]
    for other in final.others { lines.append(fact(PlainText.line(other.name, limit: 12), Figures.short(other.value))) }
    let norm = report.norm
    let skipped = norm.skipped == 0 ? "no step skipped" : "\(Figures.counted(norm.skipped, "step")) skipped"
    lines.append(
      fact(
        "norm",
        "\(Figures.short(norm.first)) first, \(Figures.short(norm.last)) last, \(Figures.short(norm.max)) largest; "
          + "\(Figures.percent(norm.clippedFraction)) of steps clipped, \(skipped)"))
    if let certified = norm.certifiedFraction {
      lines.append(fact("certified", "\(Figures.percent(certified)) of steps: the ranks' own norms proved that the clip would not act"))
    }
    if let bias = report.clipBias {
      lines.append(
        fact(
          "clip bias",
          "scope \(PlainText.line(bias.scope, limit: 20)): \(Figures.percent(bias.relative)) off the exact clip, cosine "
            + "\(Figures.fixed(bias.cosine, decimals: 4)) (mean of \(Figures.counted(bias.measuredSteps, "measured step")))"))
    }
    lines.append(
      fact("noise scale", report.noiseScale.map { "\(Figures.rate($0)) samples, where noise equals signal" } ?? "not resolved"))
    let speed = report.throughput
    lines.append(
      fact(
        "speed",
        "\(Figures.rate(speed.samplesPerSecond)) samples/s; a step takes \(Figures.short(speed.stepMsMedian)) ms (median), "
          + "\(Figures.short(speed.stepMsP95)) ms (95th percentile)"))
    if let simulation = report.simulation {
      let words = Self.wrapped(PlainText.line(simulation), indent: 15)
      lines.append(fact("simulated", words.joined(separator: "\n").trimmingPrefix { $0 == " " }.description))
    }
    return lines + timeBar
  }

  private func fact(_ name: String, _ value: String) -> String { "  \(name.padded(to: 13))\(value)" }

  /// A bar of 60 cells with one texture a part, and the parts in words under it.
  private var timeBar: [String] {
    let share = report.timeShare
    let parts = [
      ("compute", share.compute, "█"), ("reduce", share.reduce, "▓"), ("norm", share.norm, "▒"), ("optimizer", share.optimizer, "░"),
      ("data", share.data, "·"),
    ].map { ($0.0, $0.1.isFinite ? max(0, $0.1) : 0, $0.2) }
    let total = parts.reduce(0) { $0 + $1.1 }
    guard total > 0 else { return [] }
    let cells = 60.0
    var bar = ""
    var (sum, drawn) = (0.0, 0)
    for (_, fraction, texture) in parts {
      sum += fraction
      let end = Int((sum / total * cells).rounded())
      bar += String(repeating: texture, count: end - drawn)
      drawn = end
    }
    let words = parts.map { "\($0.2) \($0.0) \(Figures.percent($0.1 / total))" }.joined(separator: "   ")
    return [fact("time", bar), fact("", words)]
  }

  // MARK: Skips, ranks, weights

  private var skips: [String] {
    guard !report.skips.isEmpty else { return [] }
    var lines = report.skips.flatMap { Self.wrapped("skipped step \($0.step): \(PlainText.line($0.text))", indent: 2) }
    if report.norm.skipped > report.skips.count {
      lines.append("  and \(Figures.counted(report.norm.skipped - report.skips.count, "more skipped step"))")
    }
    return lines + [""]
  }

  private var rankTable: [String] {
    guard !report.ranks.isEmpty else { return [] }
    let hostWidth = min(24, max(4, report.ranks.map(\.host.count).max() ?? 0))
    func row(_ cells: (String, String, String, String, String, String, String)) -> String {
      "  \(cells.0.right(4))  \(cells.1.padded(to: hostWidth))\(cells.2.right(14))\(cells.3.right(12))\(cells.4.right(12))"
        + "\(cells.5.right(12))  \(cells.6)"
    }
    let head = row(("rank", "host", "samples", "final loss", "local norm", "waiting s", "weights"))
    return [colour ? "\u{1B}[2m\(head)\u{1B}[0m" : head]
      + report.ranks.map { rank in
        row(
          (
            String(rank.rank), PlainText.line(rank.host, limit: hostWidth), Figures.grouped(rank.samples), Figures.short(rank.finalLoss),
            Figures.short(rank.meanLocalNorm), Figures.fixed(rank.secondsWaiting, decimals: 2),
            rank.weightsSHA256.map { PlainText.line(String($0.prefix(12))) } ?? "–"
          ))
      }
  }

  private var weights: String {
    let digests = report.ranks.map(\.weightsSHA256)
    guard !digests.isEmpty, !digests.contains(nil) else { return "  weights not compared" }
    let groups = Dictionary(grouping: report.ranks, by: \.weightsSHA256)
    if groups.count == 1 { return digests.count == 1 ? "  one rank: nothing to compare" : "  weights identical on all ranks" }
    // The largest group is taken for right; between equals, the one with the lowest rank.
    let right = groups.values.max { ($0.count, -$0[0].rank) < ($1.count, -$1[0].rank) }![0].weightsSHA256
    let others = report.ranks.filter { $0.weightsSHA256 != right }.map(\.rank)
    return "  WEIGHTS DIFFER: \(RankRanges.text(others)) \(others.count == 1 ? "does" : "do") not hold what the other ranks hold"
  }

  /// Words on lines of at most 100 columns.
  static func wrapped(_ text: String, indent: Int) -> [String] {
    var lines: [String] = []
    var line = String(repeating: " ", count: indent)
    var isEmpty = true
    for word in text.split(separator: " ") {
      if !isEmpty && line.count + 1 + word.count > width {
        lines.append(line)
        line = String(repeating: " ", count: indent + 2)
        isEmpty = true
      }
      line += isEmpty ? String(word) : " " + word
      isEmpty = false
    }
    return lines + [line]
  }
}

extension String {
  var replacingHyphens: String { String(map { $0 == "-" ? " " : $0 }) }

  /// The text with spaces after it, to a width.
  public func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

  /// The text with spaces before it, to a width.
  public func right(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
