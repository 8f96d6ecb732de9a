import Recording
import Reports

extension Claim {
  /// Penalties and where they leave the norm.
  static let regularization = Claim(
    name: "regularization",
    statement:
      "Sharpness-aware steps and a penalty on the gradient's norm end in flatter places: a smaller norm than plain training's at no loss of "
      + "accuracy; L1 and L2 shrink the weights.",
    source: "Foret et al. 2020, arXiv 2010.01412; Zhao, Zhang and Hu 2022, arXiv 2202.03599",
    expected:
      "noise-corrected norm at the end lower with SAM and with the penalty than without; weights' norm lower with L1 and L2; accuracy of each "
      + "within 0.01 of the plain run's or better",
    experiment: "regularization.toml",
    runs: [
      PlannedRun("plain"), PlannedRun("L1", ["regularization.l1=0.00002"]),
      PlannedRun("L2", ["regularization.l2=0.001"]),
      PlannedRun(
        "gradient norm", ["regularization.gradient_norm=0.05", "regularization.sam_radius=0.1"]),
      PlannedRun("SAM", ["regularization.sam_radius=0.1"]),
    ],
    seconds: 11,
    judge: { runs in
      func weights(_ run: FinishedRun) -> Double {
        mean(run.part(0.95, 1).compactMap(\.weightNorm))
      }
      let plain = runs["plain"]
      let (sam, penalty) = (runs["SAM"].norm(0.75, 1), runs["gradient norm"].norm(0.75, 1))
      let shrunk = [runs["L1"], runs["L2"]].allSatisfy { weights($0) < weights(plain) }
      let worst = runs.runs.map { $0.score ?? 0 }.min() ?? 0
      return Finding(
        table: runs.table(["norm at end", "weights", "train loss", "accuracy"]) { run in
          [
            NumberFormat.formatted(run.norm(0.75, 1)), NumberFormat.formatted(weights(run)),
            NumberFormat.formatted(run.loss(0.9, 1)),
            NumberFormat.fixed(run.score, decimals: 4),
          ]
        },
        measured:
          "norm at the end \(NumberFormat.formatted(plain.norm(0.75, 1))) plain, \(NumberFormat.formatted(penalty)) with the penalty, \(NumberFormat.formatted(sam)) with SAM; "
          + "accuracy \(NumberFormat.fixed(plain.score, decimals: 4)) plain, \(NumberFormat.fixed(runs["gradient norm"].score, decimals: 4)) and "
          + "\(NumberFormat.fixed(runs["SAM"].score, decimals: 4))",
        holds: sam < plain.norm(0.75, 1) && penalty < plain.norm(0.75, 1) && shrunk
          && worst > (plain.score ?? 1) - 0.01)
    })
}
