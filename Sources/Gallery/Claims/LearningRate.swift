import Recording
import Reports

extension Claim {
  /// Rate against norm, with and without a clip.
  static let learningRate = Claim(
    name: "learning-rate",
    statement:
      "Too high a rate makes the gradient's norm erratic, too low a rate leaves it flat; a clip widens the range that works.",
    source:
      "Goodfellow, Bengio and Courville 2016, section 8.3; Pascanu, Mikolov and Bengio 2013, arXiv 1211.5063",
    expected:
      "norm's change over the run below 10 % at the lowest rate; its typical jump from step to step largest at the highest rate; the "
      + "highest rate fails without a clip, and learns with one",
    experiment: "learning-rate.toml",
    runs: rates.flatMap { rate in
      limits.map {
        PlannedRun("rate \(rate), \($0)", ["optimizer.learning_rate=\(rate)", "clip.rule=\($0)"])
      }
    },
    seconds: 7,
    judge: { runs in
      let table = runs.table(["first norm", "last norm", "jump", "loss"]) { run in
        [run.norm(0, 0.05), run.norm(0.75, 1), run.erraticness(0.5, 1), run.loss(0.9, 1)].map {
          NumberFormat.formatted($0)
        }
      }
      func run(_ rate: String, _ limit: String) -> FinishedRun { runs["rate \(rate), \(limit)"] }
      let (lowest, middle, highest) = (
        run(rates[0], "none"), run(rates[1], "none"), run(rates[2], "none")
      )
      let clipped = run(rates[2], "global")
      let change = abs(lowest.norm(0.75, 1) / lowest.norm(0, 0.05) - 1)
      let isErratic = !(highest.erraticness(0.5, 1) <= middle.erraticness(0.5, 1))
      let (bad, better, good) = (highest.loss(0.9, 1), clipped.loss(0.9, 1), middle.loss(0.9, 1))
      return Finding(
        table: table,
        measured:
          "at rate \(rates[0]) the norm changes by \(NumberFormat.percent(change)); its typical jump is "
          + "\(NumberFormat.percent(middle.erraticness(0.5, 1))) at \(rates[1]) and \(NumberFormat.percent(highest.erraticness(0.5, 1))) at \(rates[2]); "
          + "the loss ends at \(NumberFormat.formatted(good)), at the highest rate at \(NumberFormat.formatted(bad)) without and \(NumberFormat.formatted(better)) with a clip",
        holds: change < 0.1 && isErratic && !(bad <= 2 * good) && better < 0.5 * bad)
    })

  private static let rates = ["0.0001", "0.1", "1.0"]
  private static let limits = ["none", "global"]
}
