import GradientNorms
import Recording
import Reports

extension Claim {
  /// What is left of the norm when learning ends.
  static let noiseFloor = Claim(
    name: "noise-floor",
    statement:
      "The norm falls while a model learns, down to a floor that is minibatch noise, where only a larger batch lowers it and a smaller "
      + "rate lowers the loss.",
    source:
      "McCandlish et al. 2018, arXiv 1812.06162; Mandt, Hoffman and Blei 2017, arXiv 1704.04289",
    expected:
      "verdict noise-floor; four times the batch brings the norm at the end to about a half (the floor is √(trΣ/B)); an eighth of the rate "
      + "brings the loss down",
    experiment: "noise-floor.toml",
    runs: [
      PlannedRun("base"), PlannedRun("batch × 4", ["training.global_batch=256"]),
      PlannedRun("rate / 8", ["optimizer.learning_rate=0.05"]),
    ],
    seconds: 3,
    judge: { runs in
      let (base, batch, rate) = (runs["base"], runs["batch × 4"], runs["rate / 8"])
      let ratio = batch.norm(0.75, 1) / base.norm(0.75, 1)
      let fall = base.norm(0.75, 1) / base.norm(0, 0.002)
      return Finding(
        table: runs.table(["first norm", "last norm", "loss", "test loss"]) { run in
          [run.norm(0, 0.002), run.norm(0.75, 1), run.loss(0.75, 1), run.report.final.loss ?? .nan]
            .map { NumberFormat.formatted($0) }
        },
        measured:
          "the norm falls to \(NumberFormat.percent(fall)) of its beginning, verdict \(base.report.verdict.rawValue); with four times the "
          + "batch it ends at \(NumberFormat.percent(ratio)) of that; the loss at the end is \(NumberFormat.formatted(base.loss(0.75, 1))), with an eighth of the rate "
          + NumberFormat.formatted(rate.loss(0.75, 1)),
        holds: fall < 0.8 && base.report.verdict == .noiseFloor && ratio > 0.4 && ratio < 0.62
          && rate.loss(0.75, 1) < base.loss(0.75, 1))
    })
}
