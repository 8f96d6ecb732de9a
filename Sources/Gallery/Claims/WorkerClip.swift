import Recording
import Reports

extension Claim {
  /// Each rank clips its own gradient, against the one clip of the mean gradient.
  static let workerClip = Claim(
    name: "worker-clip",
    statement:
      "When workers clip their own gradients before the sum, the mean gets another length and direction, training is slower, and depends on "
      + "how the batch is divided; the synchronised clip has none of these faults.",
    source: "horovod issue 1346 (local against global clipping); the bound ‖g‖ ≤ √(Σ wᵢ‖gᵢ‖²)",
    expected:
      "bias ‖g_worker − g_exact‖/‖g_exact‖ above 5 %; a higher loss at the end on equal and unequal shards; the synchronised clip's two losses "
      + "within 1 % of each other, the workers' clips' not",
    experiment: "worker-clip.toml",
    runs: [
      PlannedRun("synchronised", ["clip.scope=mean-gradient"], ranks: 4),
      PlannedRun("worker, equal shards", ranks: 4),
      PlannedRun(
        "synchronised, unequal", ["clip.scope=mean-gradient", "training.shares=\(unequal)"],
        ranks: 4),
      PlannedRun("worker, unequal shards", ["training.shares=\(unequal)"], ranks: 4),
    ],
    seconds: 8,
    judge: { runs in
      func bias(_ run: FinishedRun) -> Double { run.report.clipBias?.relative ?? 0 }
      let (equal, unequal) = (runs["worker, equal shards"], runs["worker, unequal shards"])
      let exact = (
        equal: runs["synchronised"].loss(0.75, 1),
        unequal: runs["synchronised, unequal"].loss(0.75, 1)
      )
      let loss = (equal: equal.loss(0.75, 1), unequal: unequal.loss(0.75, 1))
      return Finding(
        table: runs.table(["bias", "cosine", "loss", "accuracy"]) { run in
          [
            NumberFormat.percent(bias(run)),
            NumberFormat.formatted(run.report.clipBias?.cosine ?? 1),
            NumberFormat.formatted(run.loss(0.75, 1)),
            NumberFormat.fixed(run.score, decimals: 4),
          ]
        },
        measured:
          "bias \(NumberFormat.percent(bias(equal))) with equal and \(NumberFormat.percent(bias(unequal))) with unequal shards; loss at the end "
          + "\(NumberFormat.formatted(loss.equal)) and \(NumberFormat.formatted(loss.unequal)), with the synchronised clip \(NumberFormat.formatted(exact.equal)) and "
          + NumberFormat.formatted(exact.unequal),
        holds: bias(equal) > 0.05 && bias(unequal) > 0.05 && loss.equal > exact.equal
          && loss.unequal > exact.unequal
          && abs(exact.unequal / exact.equal - 1) < 0.01
          && abs(loss.unequal / loss.equal - 1) > 0.01)
    })

  private static let unequal = "[13,1,1,1]"
}
