import Reports

extension Claim {
  /// A recurrent net on a task that asks at the end of a sequence for its beginning.
  static let recurrentClip = Claim(
    name: "recurrent-clip",
    statement:
      "A recurrent net's gradient explodes through time; without a clip it diverges or stalls, clipped by the synchronised norm it learns.",
    source: "Pascanu, Mikolov and Bengio 2013, arXiv 1211.5063, temporal order task of Hochreiter and Schmidhuber 1997",
    expected: "accuracy of the last symbol above 0.9 with a clip for every seed, and higher than without for every seed",
    experiment: "temporal-order.toml",
    runs: ["1", "2", "3"].flatMap { seed in
      [
        PlannedRun("clip, seed \(seed)", ["seed=\(seed)"]),
        PlannedRun("none, seed \(seed)", ["seed=\(seed)", "clip.rule=none", "guard.skip_limit=1000000"]),
      ]
    },
    seconds: 10,
    judge: { runs in
      func score(_ kind: String, _ seed: Int) -> Double { runs["\(kind), seed \(seed)"].score ?? 0 }
      let pairs = [1, 2, 3].map { (clip: score("clip", $0), none: score("none", $0)) }
      func list(_ values: [Double]) -> String { values.map { Figures.fixed($0, decimals: 3) }.joined(separator: ", ") }
      return Finding(
        table: runs.table(["largest norm", "skipped", "accuracy"]) { run in
          [Figures.short(run.report.norm.max), Figures.grouped(run.report.norm.skipped), Figures.fixed(run.score, decimals: 3)]
        },
        measured: "accuracy \(list(pairs.map(\.clip))) with a clip, \(list(pairs.map(\.none))) without",
        holds: pairs.allSatisfy { $0.clip > 0.9 && $0.clip > $0.none })
    })
}
