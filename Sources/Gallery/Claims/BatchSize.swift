import Recording
import Reports
import Scaling

extension Claim {
  /// Steps to a loss at several batch sizes, and what the noise scale of one of the runs predicts.
  static let batchSize = Claim(
    name: "batch-size",
    statement:
      "The noise scale grows during training, and predicts the batch size past which steps to a loss stop falling.",
    source: "McCandlish et al. 2018, arXiv 1812.06162, (S/S_min − 1)(E/E_min − 1) = 1",
    expected:
      "noise scale at the loss at least 3 × that of the beginning; the critical batch E_min/S_min fitted to the steps within a factor of 2.5 of "
      + "the mean noise scale on the way; four times the batch saves most of the steps below it, less than a quarter past it",
    experiment: "batch-size.toml",
    runs: batches.map { batch in
      PlannedRun(
        "batch \(batch)",
        [
          "training.global_batch=\(batch)", "training.steps=\(max(300, 48_000 / batch))",
          "optimizer.learning_rate=\(rate(batch))",
        ])
    },
    seconds: 7,
    judge: { runs in
      let reached = runs.runs.map { run in
        run.steps(toLoss: target, window: max(1, 4096 / batch(run)))
      }
      let table = runs.table(["steps", "samples", "noise scale at the loss"]) { run in
        let steps = reached[runs.runs.firstIndex { $0.name == run.name }!]
        let scale = steps.flatMap { run.noiseScales(until: $0, microBatch: microBatch).last }
        return [
          steps.map(NumberFormat.grouped) ?? "–",
          steps.map { NumberFormat.grouped($0 * batch(run)) } ?? "–",
          scale.map { NumberFormat.formatted($0) } ?? "–",
        ]
      }
      let points = zip(runs.runs, reached).compactMap { run, steps in
        steps.map { (steps: Double($0), samples: Double($0 * batch(run))) }
      }
      guard points.count == batches.count, let critical = CriticalBatch(points) else {
        return Finding(
          table: table, measured: "not every batch came to the loss \(target)", holds: false)
      }
      let scales = runs["batch 1024"].noiseScales(until: reached[3]!, microBatch: microBatch)
      let growth = scales[scales.count - 1] / scales[0]
      // One step at a time the samples lost to noise are the noise scale: its mean over the steps
      // is E_min/S_min.
      let forecast = mean(scales)
      let (below, past) = (
        1 - points[1].steps / points[0].steps, 1 - points[4].steps / points[3].steps
      )
      return Finding(
        table: table,
        measured:
          "the noise scale grows from \(NumberFormat.formatted(scales[0])) to \(NumberFormat.formatted(scales[scales.count - 1])), mean "
          + "\(NumberFormat.formatted(forecast)); the critical batch fitted to the steps is \(NumberFormat.formatted(critical.batch)); four times the batch saves "
          + "\(NumberFormat.percent(below)) of the steps from 16 to 64 samples, \(NumberFormat.percent(past)) from 1024 to 4096",
        holds: growth > 3 && forecast / critical.batch < 2.5 && critical.batch / forecast < 2.5
          && below > 0.5 && past < 0.25)
    })

  private static let batches = [16, 64, 256, 1024, 4096]
  private static let microBatch = 64
  private static let target = 0.5
  /// The best rate of a batch, ε_max/(1 + B_noise/B), with the noise scale that a first run showed.
  private static func rate(_ batch: Int) -> Double { 0.5 / (1 + 80 / Double(batch)) }
  private static func batch(_ run: FinishedRun) -> Int { run.steps[0].samples }
}
