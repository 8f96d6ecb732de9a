import Recording
import Reports

extension Claim {
  /// When to stop k-means.
  static let kMeansStop = Claim(
    name: "kmeans-stop",
    statement:
      "The gradient's norm stops k-means where its centres rest; the usual rule on the inertia's change can stop on a plateau before.",
    source: "Bottou and Bengio 1995; the tolerance on inertia of common implementations",
    expected:
      "both rules end before the limit; the norm's ends at an inertia no higher than the inertia rule's, with a norm at most a tenth of it",
    experiment: "kmeans.toml",
    runs: [
      PlannedRun("norm rule", ["stop.rule=norm", "stop.below=0.0001"]),
      PlannedRun("inertia rule", ["stop.rule=loss", "stop.change=0.001"]), PlannedRun("no rule"),
    ],
    seconds: 2,
    judge: { runs in
      func inertia(_ run: FinishedRun) -> Double { 2 * (run.steps.last?.loss ?? .infinity) }
      func norm(_ run: FinishedRun) -> Double { run.steps.last?.norm.global ?? .infinity }
      let (byNorm, byInertia, all) = (runs["norm rule"], runs["inertia rule"], runs["no rule"])
      return Finding(
        table: runs.table(["steps", "inertia a sample", "norm"]) { run in
          [
            NumberFormat.grouped(run.steps.count), NumberFormat.formatted(inertia(run)),
            NumberFormat.formatted(norm(run)),
          ]
        },
        measured:
          "by the norm after \(NumberFormat.counted(byNorm.steps.count, "step")) at inertia \(NumberFormat.formatted(inertia(byNorm))), by the inertia after "
          + "\(byInertia.steps.count) at \(NumberFormat.formatted(inertia(byInertia))); without a rule \(NumberFormat.formatted(inertia(all))) after \(all.steps.count)",
        holds: byNorm.steps.count < all.steps.count && byInertia.steps.count < all.steps.count
          && inertia(byNorm) <= inertia(byInertia)
          && norm(byNorm) <= 0.1 * norm(byInertia))
    })
}
