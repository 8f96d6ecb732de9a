import Recording
import Reports

extension Claim {
  /// CartPole by policy gradient, with and without a clip.
  static let policyGradient = Claim(
    name: "policy-gradient",
    statement:
      "A policy's gradient grows as its episodes get longer; clipped by the global norm, updates stay steady at rates at which plain SGD diverges.",
    source: "Williams 1992; Sutton et al. 2000; Pascanu, Mikolov and Bengio 2013, arXiv 1211.5063",
    expected:
      "mean return of at least 475 over 100 episodes of CartPole-v1 (where it counts as solved) for at least 8 of 10 seeds with a clip, for at most "
      + "2 of 10 without",
    experiment: "cartpole.toml",
    // Where no step is finite any more the run is to end with its report, not with an error.
    runs: PlannedRun.pairs("clip", "none", ["clip.rule=none", "guard.skip_limit=1000000"]),
    seconds: 35,
    judge: { runs in
      let (clipped, plain) = (
        Share(of: runs.all("clip"), isSolved), Share(of: runs.all("none"), isSolved)
      )
      return Finding(
        table: runs.table(["return", "skipped"]) {
          [NumberFormat.formatted($0.score), NumberFormat.grouped($0.report.norm.skipped)]
        },
        measured:
          "mean return of at least 475 for \(clipped.text) seeds with a clip, for \(plain.text) without",
        holds: clipped.isMost && plain.isFew)
    })

  private static func isSolved(_ run: FinishedRun) -> Bool { (run.score ?? 0) >= 475 }
}
