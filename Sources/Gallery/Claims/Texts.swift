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

  /// A transformer of Llama's parts, which the experiment file lists.
  static let llama = Claim(
    name: "llama",
    statement:
      "A transformer of Llama's parts (RMS norm, rotary positions, SwiGLU), a list of layers in the experiment file, learns the King James Bible as well as nanoGPT's, in less time.",
    source:
      "Touvron et al. 2023, arXiv 2302.13971; Su et al. 2021, arXiv 2104.09864; Shazeer 2020, arXiv 2002.05202",
    expected:
      "at most 1.42 nats a byte on the tenth of the text held out, in at most the time that transformer takes",
    experiment: "llama.toml", runs: [PlannedRun("llama")], seconds: 240,
    judge: { try nats($0, atMost: 1.42) })

  private static func nats(_ runs: Outcomes, atMost limit: Double) throws -> Finding {
    let run = runs.runs[0]
    let loss = run.finalLoss
    return Finding(
      table: runs.table(["nats a byte", "right bytes", "minutes"]) { run in
        [
          NumberFormat.fixed(loss, decimals: 3), NumberFormat.percent(run.score),
          NumberFormat.fixed(run.minutes, decimals: 1),
        ]
      },
      measured:
        "\(NumberFormat.fixed(loss, decimals: 3)) nats a byte after \(NumberFormat.fixed(run.minutes, decimals: 1)) minutes",
      holds: loss <= limit
    )
  }
}
