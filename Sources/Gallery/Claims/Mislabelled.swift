import Recording
import Reports

extension Claim {
  /// Where the labels of the same twentieth of the samples are wrong in each epoch.
  static let mislabelled = Claim(
    name: "mislabelled",
    statement:
      "Samples with wrong labels have the longest gradients, so that the norms of single samples find them while the model trains.",
    source:
      "Paul et al. 2021, arXiv 2107.07075; Northcutt et al. 2021, arXiv 1911.00068",
    expected:
      "of the \(wrong) samples in \(batch) whose labels are wrong, in the second epoch's mean at least \(NumberFormat.percent(found)) are among the eight "
      + "with the largest norms of their step; where all labels are right, of the same ones at most \(NumberFormat.percent(2 * chance)), "
      + "by chance \(NumberFormat.percent(chance))",
    experiment: "mislabelled.toml",
    runs: seeds.flatMap { seed in
      [
        PlannedRun(
          "wrong labels, seed \(seed)", ["seed=\(seed)"], ranks: 2, fault: "labels:0:1+:\(wrong)"),
        PlannedRun("right labels, seed \(seed)", ["seed=\(seed)"], ranks: 2),
      ]
    },
    seconds: 10,
    judge: { runs in
      func shares(_ kind: String) -> [Double] { runs.all(kind).map(\.shareOfFirst) }
      func text(_ kind: String) -> String {
        shares(kind).map { NumberFormat.percent($0) }.joined(separator: ", ")
      }
      return Finding(
        table: runs.table(["among the eight", "their part of the squares", "accuracy"]) { run in
          [
            NumberFormat.percent(run.shareOfFirst), NumberFormat.percent(run.squaresOfLargest),
            NumberFormat.formatted(run.score),
          ]
        },
        measured:
          "\(text("wrong labels")) of the samples with wrong labels are among the eight with the largest norms, \(text("right labels")) of the "
          + "same samples where their labels are right",
        holds: shares("wrong labels").allSatisfy { $0 >= found }
          && shares("right labels").allSatisfy { $0 <= 2 * chance })
    })

  private static let seeds = Array(1...3)
  /// So many samples a step, in the same order each epoch; the labels of the first ones are wrong.
  fileprivate static let (batch, wrong) = (120, 6)
  private static let found = 0.5
  private static let chance = 8.0 / Double(batch)
}

extension FinishedRun {
  private var samples: [StepRecord.Samples] { part(0.5, 1).compactMap(\.norm.samples) }

  /// How many of each step's first samples are among those with the largest norms, in the mean of
  /// the second half's steps.
  fileprivate var shareOfFirst: Double {
    mean(
      samples.map { step in
        let first = step.largest.count { $0.sample % Claim.batch < Claim.wrong }
        return Double(first) / Double(Claim.wrong)
      })
  }

  /// The part that the samples with the largest norms have in the sum of all samples' squared norms.
  fileprivate var squaresOfLargest: Double {
    mean(
      samples.compactMap { step in
        guard let rms = step.rms else { return nil }
        let largest = step.largest.reduce(0) { $0 + ($1.norm ?? 0) * ($1.norm ?? 0) }
        return largest / (Double(Claim.batch) * rms * rms)
      })
  }
}
