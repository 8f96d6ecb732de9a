import Recording
import Reports

extension Claim {
  /// A transformer on the King James text.
  static let transformer = Claim(
    name: "transformer",
    statement:
      "A small transformer learns to write like the King James Bible, clipped by one global norm that falls and settles.",
    source: "Vaswani et al. 2017, arXiv 1706.03762; Karpathy, nanoGPT",
    expected:
      "at most 1.75 nats a byte on the tenth of the text held out, in ten minutes on two cores",
    experiment: "gpt.toml", runs: [PlannedRun("gpt")], seconds: 245,
    judge: { try nats($0, atMost: 1.75) })

  /// An LSTM on the King James text.
  static let longShortTermMemory = Claim(
    name: "lstm",
    statement:
      "An LSTM learns to write like the King James Bible, its gradient through time kept by one global norm.",
    source: "Graves 2013, arXiv 1308.0850",
    expected:
      "at most 1.60 nats a byte on the tenth of the text held out, in ten minutes on two cores",
    experiment: "lstm.toml", runs: [PlannedRun("lstm")], seconds: 180,
    judge: { try nats($0, atMost: 1.60) })

  private static func nats(_ runs: Outcomes, atMost limit: Double) throws -> Finding {
    let run = runs.runs[0]
    let loss = run.report.final.loss ?? .infinity
    let minutes = run.steps.reduce(0) { $0 + $1.seconds.total } / 60
    return Finding(
      table: runs.table(["nats a byte", "right bytes", "minutes"]) { _ in
        [
          NumberFormat.fixed(loss, decimals: 3), NumberFormat.percent(run.score),
          NumberFormat.fixed(minutes, decimals: 1),
        ]
      },
      measured:
        "\(NumberFormat.fixed(loss, decimals: 3)) nats a byte after \(NumberFormat.fixed(minutes, decimals: 1)) minutes",
      holds: loss <= limit
    )
  }
}
