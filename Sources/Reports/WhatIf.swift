import GradientNorms
import Recording

/// What other clip thresholds and rules would have made of a run's recorded norms: a table for
/// `lockstep report --what-if`.
public struct WhatIf: Sendable {
  /// One rule and what it would have done.
  public struct Row: Sendable, Equatable {
    public var rule: String
    /// The limit, where the rule has one that does not move.
    public var maxNorm: Double?
    /// Where the limit comes from.
    public var note: String
    public var clippedFraction: Double?
    public var meanCoefficient: Double?
    public var smallestCoefficient: Double?
  }

  public let run: RecordedNorms
  public let rows: [Row]

  /// Quantiles of the run's norms that are tried as limits.
  static let quantiles = [0.5, 0.75, 0.9, 0.95, 0.99]

  public init(_ run: RecordedNorms) {
    self.run = run
    var rows = [
      Row(
        rule: "as it ran", maxNorm: run.threshold, note: "", clippedFraction: run.clippedFraction,
        meanCoefficient: run.meanCoefficient,
        smallestCoefficient: run.smallestCoefficient)
    ]
    guard !run.norms.isEmpty else {
      self.rows = rows
      return
    }
    func add(_ name: String, _ rule: any ClipRule, maxNorm: Double? = nil, note: String) {
      let result = ClipReplay(of: rule, on: run.norms)
      rows.append(
        Row(
          rule: name, maxNorm: maxNorm, note: note, clippedFraction: result.clippedFraction,
          meanCoefficient: result.meanCoefficient,
          smallestCoefficient: result.smallestCoefficient))
    }
    let sorted = run.norms.map(\.whole).sorted()
    let limits = Self.quantiles.map { q in
      // The smallest norm that at least this share of the steps does not exceed.
      (
        sorted[min(sorted.count - 1, Int((q * Double(sorted.count)).rounded(.up)) - 1)],
        "the run's \(q == 0.5 ? "median" : "\(Int(q * 100)) % quantile")"
      )
    }
    for (limit, note) in limits where limit > 0 {
      add("global", .global(maxNorm: limit), maxNorm: limit, note: note)
    }
    let own = run.threshold ?? 1
    let source = run.threshold == nil ? "the default" : "the run's own limit"
    add("global", .global(maxNorm: own), maxNorm: own, note: source)
    add(
      "percentile", .percentile(percent: 10, window: 1000),
      note: "AutoClip: 10th percentile of 1000 steps")
    add("zscore", .zscore(), note: "ZClip: z 2.5, memory 0.97, warm-up 25")
    add("quantile", QuantileClip(), note: "half of the steps unclipped, rate 0.2")
    if run.hasTensors {
      add(
        "per-layer", .perLayer(maxNorm: own, budget: .uniform), maxNorm: own,
        note: "\(source), shared by \(run.norms[0].tensors.count) tensors")
      add("ema", .ema(ratio: 1.1, memory: 0.99), note: "each tensor, ratio 1.1, memory 0.99")
    }
    self.rows = rows
  }

  static let caveat =
    "This holds for the recorded norms only: under another rule the weights, and with them all later norms, would have been others."
}

extension WhatIf: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("steps", run.steps)
      $0.field("skipped", run.skipped)
      $0.field("judged", run.norms.count)
      $0.field("rules", rows)
      $0.field("caveat", Self.caveat)
    }
  }
}

extension WhatIf.Row: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("rule", rule)
      $0.field("max_norm", maxNorm)
      $0.field("clipped_fraction", clippedFraction)
      $0.field("mean_coefficient", meanCoefficient)
      $0.field("smallest_coefficient", smallestCoefficient)
      $0.field("note", note)
    }
  }
}

extension WhatIf {
  /// The table, with a line end after its last line; `name` is the run's.
  public func text(name: String) -> String {
    let head = ["rule", "max_norm", "clipped", "mean coeff.", "smallest", ""]
    let cells = rows.map { row in
      [
        row.rule, row.maxNorm.map { NumberFormat.formatted($0) } ?? "–",
        NumberFormat.percent(row.clippedFraction),
        NumberFormat.fixed(row.meanCoefficient, decimals: 4),
        NumberFormat.fixed(row.smallestCoefficient, decimals: 4), row.note,
      ]
    }
    let widths = head.indices.map { column in ([head] + cells).map { $0[column].count }.max() ?? 0 }
    let lines = ([head] + cells).map { row -> String in
      let line = row.indices.map { column in
        switch column {
        case 0: row[column].padded(to: widths[column])
        case row.count - 1: row[column]
        default: row[column].right(widths[column])
        }
      }
      return "  " + line.joined(separator: "  ").trimmingEnd
    }
    let judged =
      "\(NumberFormat.counted(run.norms.count, "step")) with a known norm, of \(NumberFormat.grouped(run.steps))"
    return
      ([
        "\(PlainText.sanitized(name, limit: 80)): what other clip rules would have done in \(judged)",
        "",
      ] + lines + [""]
      + WrappedText.lines(Self.caveat, indent: 2)).joined(separator: "\n") + "\n"
  }
}
