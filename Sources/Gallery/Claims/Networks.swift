import Recording
import Reports

extension Claim {
  /// A residual network for images, which the experiment file lists.
  static let residualNetwork = Claim(
    name: "residual-cnn",
    statement:
      "A residual network with batch normalization, a list of layers in the experiment file, learns Fashion-MNIST in minutes on two cores.",
    source:
      "He et al. 2015, arXiv 1512.03385; Ioffe and Szegedy 2015, arXiv 1502.03167; ghost batches: Hoffer et al. 2017, arXiv 1705.08741",
    expected: "at least 0.925 of the test set right, in the mean of three seeds",
    experiment: "residual-cnn.toml",
    runs: (1...3).map { PlannedRun("seed \($0)", ["seed=\($0)"]) }, seconds: 1500,
    judge: { runs in
      let scores = runs.runs.map { $0.score ?? 0 }
      let mean = scores.reduce(0, +) / Double(scores.count)
      return Finding(
        table: runs.table(["loss", "accuracy", "minutes"]) { run in
          [
            NumberFormat.formatted(run.report.final.loss),
            NumberFormat.fixed(run.score, decimals: 4),
            NumberFormat.fixed(run.minutes, decimals: 1),
          ]
        },
        measured:
          "accuracy \(NumberFormat.fixed(mean, decimals: 4)) in the mean, \(NumberFormat.fixed(scores.min(), decimals: 4)) to \(NumberFormat.fixed(scores.max(), decimals: 4)), after \(NumberFormat.fixed(runs.runs.map(\.minutes).max(), decimals: 1)) minutes at most",
        holds: mean >= 0.925)
    })
}
