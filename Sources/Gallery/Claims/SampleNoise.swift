import Glibc
import Recording
import Reports

extension Claim {
  /// The noise scale from single samples, at one rank and at two, against that of parts.
  static let sampleNoise = Claim(
    name: "sample-noise",
    statement:
      "The noise scale can be measured from the norms of single samples, at any number of ranks, also one, and with less scatter than from the ranks' norms.",
    source:
      "Gray et al. 2024, arXiv 2411.00999; McCandlish et al. 2018, arXiv 1812.06162, appendix A",
    expected:
      "the noise scale of the second half, mean trΣ over mean |G|², from samples on one rank and on two within 10 % of that from 16 micro-batches; the "
      + "variance from two ranks' norms scatters from step to step at least 1.5 × as much as that from samples",
    experiment: "batch-size.toml",
    runs: [
      PlannedRun(samplesOfOne, ["report.noise=samples", rate], ranks: 1),
      PlannedRun(samplesOfTwo, ["report.noise=samples", rate], ranks: 2),
      PlannedRun(microBatches, [rate], ranks: 2),
      PlannedRun(twoRanks, ["report.noise=ranks", rate], ranks: 2),
    ],
    seconds: 8,
    judge: { runs in
      let (one, two) = (runs[samplesOfOne].noiseScale, runs[samplesOfTwo].noiseScale)
      let parts = runs[microBatches].noiseScale
      let scatter = runs[twoRanks].varianceScatter / runs[samplesOfTwo].varianceScatter
      func isNear(_ scale: Double) -> Bool { abs(scale / parts - 1) <= 0.1 }
      return Finding(
        table: runs.table(["noise scale", "scatter of the variance"]) { run in
          [
            NumberFormat.formatted(run.noiseScale), NumberFormat.percent(run.varianceScatter),
          ]
        },
        measured:
          "\(NumberFormat.formatted(one)) from samples on one rank, \(NumberFormat.formatted(two)) on two, \(NumberFormat.formatted(parts)) from micro-batches; "
          + "the variance from two ranks scatters \(NumberFormat.fixed(scatter, decimals: 1)) × as much as that from samples",
        holds: isNear(one) && isNear(two) && scatter >= 1.5)
    })

  /// Low enough for runs that are rounded otherwise to stay together.
  private static let rate = "optimizer.learning_rate=0.1"
  private static let samplesOfOne = "samples, one rank"
  private static let samplesOfTwo = "samples, two ranks"
  private static let microBatches = "micro-batches"
  private static let twoRanks = "two ranks' norms"
}

extension FinishedRun {
  private var secondHalf: ArraySlice<StepRecord> { part(0.5, 1) }

  /// Mean trΣ over mean |G|² of the second half, as the records have them.
  fileprivate var noiseScale: Double {
    mean(secondHalf.compactMap(\.noise.variance)) / mean(secondHalf.compactMap(\.noise.signal))
  }

  /// By how much, in parts, the records' trΣ typically changes from one step to the next.
  fileprivate var varianceScatter: Double {
    let variances = secondHalf.compactMap(\.noise.variance)
    let changes = zip(variances.dropFirst(), variances).map { $0 - $1 }
    return mean(changes.map { $0 * $0 }).squareRoot() / mean(variances)
  }
}
