import GradientNorms
import Recording

/// What other clip thresholds and rules would have made of a run's recorded norms: a table for
/// `lockstep report --what-if`.
public struct WhatIf: Sendable {
  /// One rule and what it would have done.
  public struct Row: Sendable, Equatable {
    public var rule: String
    /// The vector that it limits.
    public var target: ClipTarget
    /// The limit, where the rule has one that does not move.
    public var maxNorm: Double?
    /// Where the limit comes from.
    public var note: String
    public var clippedFraction: Double?
    public var meanCoefficient: Double?
    public var smallestCoefficient: Double?
  }

  /// A rule that the recorded norms do not determine.
  public struct Unknown: Sendable, Equatable {
    public var rule: String
    public var target: ClipTarget
    public var reason: String
  }

  public let run: RecordedNorms
  public private(set) var rows: [Row]
  public private(set) var unknown: [Unknown] = []

  public init(_ run: RecordedNorms) {
    self.run = run
    rows = [
      Row(
        rule: "as it ran", target: run.target, maxNorm: run.threshold, note: "",
        clippedFraction: run.clippedFraction, meanCoefficient: run.meanCoefficient,
        smallestCoefficient: run.smallestCoefficient)
    ]
    for target in ClipTarget.allCases where !run.series(of: target).isEmpty {
      for candidate in candidates(for: target) { add(candidate, on: target) }
    }
  }

  private mutating func add(_ candidate: Candidate, on target: ClipTarget) {
    let series = run.series(of: target)
    if let reason = ClipReplay.obstacle(to: candidate.rule, on: series, sizes: run.sizes) {
      unknown.append(Unknown(rule: candidate.name, target: target, reason: reason))
      return
    }
    let result = ClipReplay(of: candidate.rule, on: series, sizes: run.sizes)
    rows.append(
      Row(
        rule: candidate.name, target: target, maxNorm: candidate.maxNorm, note: candidate.note,
        clippedFraction: result.clippedFraction, meanCoefficient: result.meanCoefficient,
        smallestCoefficient: result.smallestCoefficient))
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
      $0.field("not_replayed", unknown)
      $0.field("caveat", Self.caveat)
    }
  }
}

extension WhatIf.Row: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("rule", rule)
      $0.field("of", target.rawValue)
      $0.field("max_norm", maxNorm)
      $0.field("clipped_fraction", clippedFraction)
      $0.field("mean_coefficient", meanCoefficient)
      $0.field("smallest_coefficient", smallestCoefficient)
      $0.field("note", note)
    }
  }
}

extension WhatIf.Unknown: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("rule", rule)
      $0.field("of", target.rawValue)
      $0.field("reason", reason)
    }
  }
}

extension WhatIf {
  /// The table, with a line end after its last line; `name` is the run's.
  public func text(name: String) -> String {
    var cells = [["rule", "max_norm", "clipped", "mean coeff.", "smallest", ""]]
    for target in ClipTarget.allCases {
      let rows = rows.filter { $0.target == target }
      if target == .update, !rows.isEmpty { cells += [["of the update", "", "", "", "", ""]] }
      cells += rows.map(\.cells)
    }
    let lines = TextColumns.lines(cells) { $0 == 0 || $0 == 5 }.map { ("  " + $0).trimmingEnd }
    let judged =
      "\(NumberFormat.counted(run.norms.count, "step")) with a known norm, of \(NumberFormat.grouped(run.steps))"
    return
      ([
        "\(PlainText.sanitized(name, limit: 80)): what other clip rules would have done in \(judged)",
        "",
      ] + lines + [""] + unknownText
      + WrappedText.lines(Self.caveat, indent: 2)).joined(separator: "\n") + "\n"
  }

  /// A line for each rule that the norms do not determine, with an empty one after the last.
  private var unknownText: [String] {
    guard !unknown.isEmpty else { return [] }
    let cells = unknown.map { [$0.rule, "of the \($0.target.rawValue): \($0.reason)"] }
    return ["  Not replayed; a run with --set clip.rule=NAME shows what these do:"]
      + TextColumns.lines(cells) { _ in true }.map { ("  " + $0).trimmingEnd } + [""]
  }
}

extension WhatIf.Row {
  fileprivate var cells: [String] {
    [
      rule, maxNorm.map { NumberFormat.formatted($0) } ?? "–",
      NumberFormat.percent(clippedFraction), NumberFormat.fixed(meanCoefficient, decimals: 4),
      NumberFormat.fixed(smallestCoefficient, decimals: 4), note,
    ]
  }
}
