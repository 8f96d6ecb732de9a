/// A timed workload as people read it.
public struct BenchText {
  private let result: BenchResult

  public init(_ result: BenchResult) { self.result = result }

  public var text: String {
    let r = result
    var lines = [
      "\(r.workload) on \(Figures.counted(r.ranks, "rank")), \(Figures.grouped(r.params)) parameters",
      "  step     \(Figures.short(r.stepMs)) ms, the median of \(Figures.counted(r.steps, "step")) of the slowest rank; "
        + "\(Figures.short(r.minMs)) ms the fastest",
      "  speed    \(Figures.rate(r.perS)) \(r.unit)/s over all ranks",
      "  products \(Figures.short(r.gflops)) GFLOP/s a rank, \(Figures.percent(r.gemmFraction)) of the "
        + "\(Figures.short(r.gemmGflops)) that large matrix products reached in this run",
      "  loss     \(Figures.short(r.loss)), norm \(Figures.short(r.norm)), at the last step",
      "  memory   \(Figures.short(Double(r.peakBytes) * 1e-6)) MB, the most that a rank had resident",
      "  time     " + Self.shares(r.seconds),
    ]
    if let profile = r.profile { lines += text(of: profile) }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func phases(_ seconds: TimeShare) -> [(String, Double)] {
    [
      ("data", seconds.data), ("compute", seconds.compute), ("reduce", seconds.reduce), ("norm", seconds.norm),
      ("optimizer", seconds.optimizer),
    ]
  }

  private static func shares(_ seconds: TimeShare) -> String {
    let sum = phases(seconds).reduce(0) { $0 + $1.1 }
    return phases(seconds).map { "\($0) \(Figures.percent(sum > 0 ? $1 / sum : nil))" }.joined(separator: ", ")
  }

  private func text(of profile: BenchProfile) -> [String] {
    var lines = ["", "  ms a step    " + Self.phases(result.seconds).map { $0.0.right(10) }.joined()]
    for rank in profile.ranks {
      let figures = Self.phases(rank.seconds).map { Figures.fixed($0.1 * 1e3, decimals: 3).right(10) }.joined()
      lines.append("  " + "rank \(rank.rank) \(PlainText.line(rank.host, limit: 20))".padded(to: 13) + figures)
    }
    let whole = profile.parts.reduce(0) { $0 + $1.ms }
    let width = profile.parts.map(\.name.count).max() ?? 0
    lines += ["", "  compute, in the order of the pass; a gradient's time begins where the one before it was complete"]
    for part in profile.parts {
      lines.append(
        "  \(PlainText.line(part.name, limit: 80).padded(to: width))  \(Figures.fixed(part.ms, decimals: 3).right(9)) ms  "
          + Figures.percent(whole > 0 ? part.ms / whole : nil).right(6))
    }
    return lines + ["", "  every step of every rank: \(profile.trace), which ui.perfetto.dev and chrome://tracing open"]
  }
}
