import Recording
import Reports

extension Claim {
  /// Muon against AdamW on the King James text, by steps.
  static let muon = Claim(
    name: "muon",
    statement: "Muon learns a text in three quarters of the steps that AdamW takes.",
    source: "Jordan et al. 2024, Muon; Liu et al. 2025, arXiv 2502.16982",
    expected:
      "with each of three seeds Muon comes to \(target) nats a byte of the tenth held out in \(muonSteps) steps, and AdamW does not in \(adamWSteps), each on a schedule of that length and at the "
      + "best of the rates 0.002, 0.004, 0.008 and 0.016",
    experiment: "muon.toml",
    runs: seeds.flatMap { seed in
      [
        PlannedRun("muon, seed \(seed)", ["seed=\(seed)", "training.steps=\(muonSteps)"]),
        PlannedRun(
          "adamw, seed \(seed)",
          [
            "seed=\(seed)", "training.steps=\(adamWSteps)", "optimizer.kind=adamw",
            "optimizer.learning_rate=0.004", "optimizer.beta2=0.99",
          ]),
      ]
    },
    seconds: 900,
    judge: { runs in
      func losses(_ kind: String) -> [Double] { runs.all(kind).map(\.finalLoss) }
      func text(_ kind: String) -> String {
        losses(kind).map { NumberFormat.fixed($0, decimals: 3) }.joined(separator: ", ")
      }
      func milliseconds(_ kind: String) -> Double {
        let times = runs.all(kind).map { 60_000 * $0.minutes / Double($0.steps.count) }
        return times.sorted()[times.count / 2]
      }
      return Finding(
        table: runs.table(["nats a byte", "steps", "minutes"]) { run in
          [
            NumberFormat.fixed(run.finalLoss, decimals: 3),
            "\(run.steps.count)", NumberFormat.fixed(run.minutes, decimals: 1),
          ]
        },
        measured:
          "\(text("muon")) nats a byte after \(muonSteps) steps of Muon, \(text("adamw")) after \(adamWSteps) of AdamW; a step takes "
          + "\(NumberFormat.fixed(milliseconds("muon"), decimals: 0)) and \(NumberFormat.fixed(milliseconds("adamw"), decimals: 0)) ms",
        holds: losses("muon").allSatisfy { $0 <= target }
          && losses("adamw").allSatisfy { $0 > target })
    })

  private static let target = 1.42
  private static let seeds = Array(1...3)
  private static let (muonSteps, adamWSteps) = (1250, 1667)
}
