import GradientNorms
import Recording
import Reports

extension Claim {
  /// Norms of the first and the last layer of deep stacks.
  static let depth = Claim(
    name: "depth",
    statement:
      "In a deep sigmoid net the gradient's norm vanishes towards the first layer and nothing is learned; with ReLU and an "
      + "initialisation that keeps variances it does not.",
    source: "Hochreiter 1991; Glorot and Bengio 2010; He et al. 2015, arXiv 1502.01852",
    expected:
      "first over last layer's norm below 1/1000 with sigmoid, above 1/10 with ReLU and Kaiming; verdict vanishing against learning, and an "
      + "accuracy above 0.8 only for ReLU",
    experiment: "depth.toml",
    runs: [
      PlannedRun("sigmoid", ["model.activation=sigmoid", "model.initialization=xavier"]),
      PlannedRun("tanh, xavier", ["model.activation=tanh", "model.initialization=xavier"]),
      PlannedRun("relu, normal 0.02", ["model.activation=relu", "model.initialization=normal"]),
      PlannedRun("relu, kaiming", ["model.activation=relu", "model.initialization=kaiming"]),
    ],
    seconds: 6,
    judge: { runs in
      /// First over last weight's norm, at the beginning: the geometric shape of the initial
      /// gradient.
      func ratio(_ run: FinishedRun) -> Double {
        let weights = run.steps[0].norm.layers.filter { $0.name.hasSuffix(".weight") }.compactMap(
          \.value)
        guard let first = weights.first, let last = weights.last, last > 0 else { return 0 }
        return first / last
      }
      let (sigmoid, relu) = (runs["sigmoid"], runs["relu, kaiming"])
      return Finding(
        table: runs.table(["first/last layer", "loss", "accuracy"]) { run in
          [
            NumberFormat.formatted(ratio(run)), NumberFormat.formatted(run.loss(0.9, 1)),
            NumberFormat.fixed(run.score, decimals: 4),
          ]
        },
        measured:
          "norm of the first over the last layer's gradient: \(NumberFormat.formatted(ratio(sigmoid))) with sigmoid, accuracy "
          + "\(NumberFormat.fixed(sigmoid.score, decimals: 3)); \(NumberFormat.formatted(ratio(relu))) with ReLU, accuracy \(NumberFormat.fixed(relu.score, decimals: 3))",
        holds: ratio(sigmoid) < 1e-3 && ratio(relu) > 0.1 && sigmoid.report.verdict == .vanishing
          && (sigmoid.score ?? 1) < 0.3
          && (relu.score ?? 0) > 0.8)
    })
}
