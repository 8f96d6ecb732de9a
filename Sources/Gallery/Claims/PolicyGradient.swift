import Reports

extension Claim {
  /// CartPole by policy gradient, with and without a clip.
  static let policyGradient = Claim(
    name: "policy-gradient",
    statement:
      "A policy's gradient grows as its episodes get longer; clipped by the global norm, updates stay steady at rates at which plain SGD diverges.",
    source: "Williams 1992; Sutton et al. 2000; Pascanu, Mikolov and Bengio 2013, arXiv 1211.5063",
    expected:
      "mean return of at least 475 over 100 episodes of CartPole-v1 (where it counts as solved) for every seed with a clip, for none without",
    experiment: "cartpole.toml",
    // Where no step is finite any more the run is to end with its report, not with an error.
    runs: ["1", "2", "3"].flatMap { seed in
      [
        PlannedRun("clip, seed \(seed)", ["seed=\(seed)"]),
        PlannedRun("none, seed \(seed)", ["seed=\(seed)", "clip.rule=none", "guard.skip_limit=1000000"]),
      ]
    },
    seconds: 10,
    judge: { runs in
      let returns = runs.runs.map { (isClipped: $0.name.hasPrefix("clip"), value: $0.score ?? 0) }
      let (clipped, plain) = (returns.filter(\.isClipped).map(\.value), returns.filter { !$0.isClipped }.map(\.value))
      return Finding(
        table: runs.table(["return", "skipped"]) { [Figures.short($0.score), Figures.grouped($0.report.norm.skipped)] },
        measured: "mean return \(clipped.map { Figures.short($0) }.joined(separator: ", ")) with a clip, "
          + "\(plain.map { Figures.short($0) }.joined(separator: ", ")) without",
        holds: clipped.allSatisfy { $0 >= 475 } && plain.allSatisfy { $0 < 475 })
    })
}
