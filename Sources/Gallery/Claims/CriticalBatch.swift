import Recording
import Reports
import ScalingStudy

extension Claim {
  /// The critical batch measured by branches, against the noise scale and the law of steps.
  static let criticalBatch = Claim(
    name: "critical-batch",
    statement:
      "Branches of one run measure the largest batch that loses nothing; the noise scale forecasts it, rather too low than too high.",
    source:
      "Merrill et al. 2025, arXiv 2505.23971; McCandlish et al. 2018, arXiv 1812.06162",
    expected:
      "with each of three seeds a larger batch was tried and is worse, and the noise scale of single samples is below that one, and at least a quarter "
      + "of the critical batch; the law S = S_min (1 + B_c/B) predicts each batch's steps from the others within \(NumberFormat.percent(tolerance)), in the median of the seeds",
    experiment: "fashion-mlp.toml",
    studies: (1...3).map { seed in
      PlannedStudy(
        "seed \(seed)", ["seed=\(seed)"],
        options: ["--factors", factors.map(String.init).joined(separator: ",")])
    },
    seconds: 150,
    judge: { runs in
      let errors = factors.indices.map { index in
        let seeds = runs.studies.map { $0.errors[index] }
        return seeds.sorted()[seeds.count / 2]
      }
      let brackets = runs.studies.map(\.bracket).joined(separator: ", ")
      let scales = runs.studies.map { NumberFormat.formatted($0.scaleOfSamples) }
        .joined(separator: ", ")
      return Finding(
        table: [["seed", "critical batch", "noise scale", "largest error of the law"]]
          + runs.studies.enumerated().map { index, study in
            [
              "\(index + 1)", study.bracket, NumberFormat.formatted(study.scaleOfSamples),
              NumberFormat.percent(study.errors.max()),
            ]
          },
        measured:
          "critical batch \(brackets), noise scale \(scales); the law is at most \(NumberFormat.percent(errors.max())) off in the median of the seeds",
        holds: runs.studies.allSatisfy(\.isForecast) && errors.allSatisfy { $0 <= tolerance })
    })

  private static let factors = [1, 2, 4, 8, 16]
  private static let tolerance = 0.2
}

extension BatchStudy {
  /// The noise scale of single samples where the branches begin.
  fileprivate var scaleOfSamples: Double? { forecasts.first { $0.source == "samples" }?.scale }

  /// How far the law is off for each factor's steps, in parts of them; infinite for a batch that it
  /// leaves out.
  fileprivate var errors: [Double] {
    plan.factors.map { factor in
      steps?.rows.first { $0.batch == factor * globalBatch }?.error.map(abs) ?? .infinity
    }
  }

  fileprivate var isForecast: Bool {
    guard let critical = criticalBatch, let next = nextBatch, let scale = scaleOfSamples else {
      return false
    }
    return scale >= Double(critical) / 4 && scale < Double(next)
  }

  /// `64 to 128`, `64 or more`.
  fileprivate var bracket: String {
    guard let criticalBatch else { return "none" }
    let batch = NumberFormat.grouped(criticalBatch)
    return nextBatch.map { "\(batch) to \(NumberFormat.grouped($0))" } ?? "\(batch) or more"
  }
}
