import Recording

/// A timed workload as people read it.
public struct BenchText {
  private let result: BenchResult

  public init(_ result: BenchResult) { self.result = result }

  public var text: String {
    let r = result
    let threads = r.threads > 1 ? " × \(r.threads) threads" : ""
    var lines = [
      "\(r.workload) on \(NumberFormat.counted(r.ranks, "rank"))\(threads), \(NumberFormat.grouped(r.params)) parameters",
      "  step     \(NumberFormat.formatted(r.stepMs)) ms, the median of \(NumberFormat.counted(r.steps, "step")) of the slowest rank; "
        + "\(NumberFormat.formatted(r.minMs)) ms the fastest",
      "  speed    \(NumberFormat.rate(r.perS)) \(r.unit)/s over all ranks",
      "  products \(NumberFormat.formatted(r.gflops)) GFLOP/s a rank, \(NumberFormat.percent(r.gemmFraction)) of the "
        + "\(NumberFormat.formatted(r.gemmGflops)) that large matrix products reached in this run",
      "  loss     \(NumberFormat.formatted(r.loss)), norm \(NumberFormat.formatted(r.norm)), at the last step",
      "  by       \(PlainText.sanitized(r.library, limit: 80)), on \(PlainText.sanitized(r.cpu, limit: 80))",
      "  memory   \(NumberFormat.formatted(Double(r.peakBytes) * 1e-6)) MB, the most that a rank had resident",
      "  time     " + Self.shares(r.seconds),
    ]
    if let profile = r.profile { lines += text(of: profile) }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func shares(_ seconds: PhaseTimes) -> String {
    let sum = seconds.total()
    return Phase.allCases.map { phase in
      "\(phase.name) \(NumberFormat.percent(sum > 0 ? seconds[phase] / sum : nil))"
    }.joined(separator: ", ")
  }

  private func text(of profile: BenchProfile) -> [String] {
    var lines = [
      "", "  ms a step    " + Phase.allCases.map { $0.name.right(10) }.joined(),
    ]
    for rank in profile.ranks {
      let figures = rank.seconds.values.map {
        NumberFormat.fixed($0 * 1e3, decimals: 3).right(10)
      }.joined()
      lines.append(
        "  " + "rank \(rank.rank) \(PlainText.sanitized(rank.host, limit: 20))".padded(to: 13)
          + figures)
    }
    let whole = profile.parts.reduce(0) { $0 + $1.ms }
    let width = profile.parts.map(\.name.count).max() ?? 0
    lines += [
      "",
      "  compute, in the order of the pass; a gradient's time begins where the one before it was complete",
    ]
    for part in profile.parts {
      lines.append(
        "  \(PlainText.sanitized(part.name, limit: 80).padded(to: width))  \(NumberFormat.fixed(part.ms, decimals: 3).right(9)) ms  "
          + NumberFormat.percent(whole > 0 ? part.ms / whole : nil).right(6))
    }
    return lines + [
      "",
      "  every step of every rank: \(profile.trace), which ui.perfetto.dev and chrome://tracing open",
    ]
  }
}
