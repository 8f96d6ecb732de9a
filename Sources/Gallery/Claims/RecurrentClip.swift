import Recording
import Reports

extension Claim {
  /// A recurrent net on a task that asks at the end of a sequence for its beginning.
  static let recurrentClip = Claim(
    name: "recurrent-clip",
    statement:
      "A recurrent net's gradient explodes through time; without a clip it diverges or stalls, clipped by the synchronised norm it learns.",
    source:
      "Pascanu, Mikolov and Bengio 2013, arXiv 1211.5063, temporal order task of Hochreiter and Schmidhuber 1997",
    expected:
      "accuracy of the last symbol above 0.9 with a clip for at least 8 of 10 seeds, without for at most 2 of 10",
    experiment: "temporal-order.toml",
    runs: PlannedRun.pairs("clip", "none", ["clip.rule=none", "guard.skip_limit=1000000"]),
    seconds: 35,
    judge: { runs in
      let (clipped, plain) = (
        Share(of: runs.all("clip"), learned), Share(of: runs.all("none"), learned)
      )
      return Finding(
        table: runs.table(["largest norm", "skipped", "accuracy"]) { run in
          [
            NumberFormat.formatted(run.report.norm.max),
            NumberFormat.grouped(run.report.norm.skipped),
            NumberFormat.fixed(run.score, decimals: 3),
          ]
        },
        measured:
          "accuracy above 0.9 for \(clipped.text) seeds with a clip, for \(plain.text) without",
        holds: clipped.isMost && plain.isFew)
    })

  private static func learned(_ run: FinishedRun) -> Bool { (run.score ?? 0) > 0.9 }
}
