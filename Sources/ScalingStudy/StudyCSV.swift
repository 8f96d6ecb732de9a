import Reports
import Scaling

/// `points.csv`: a row a run of a study, units in the header.
public struct StudyCSV {
  private let study: Study

  public init(_ study: Study) { self.study = study }

  public var text: String {
    let head = [
      "ranks", "repeat", "global_batch", "oversubscribed", "step_ms", "step_ms_lower_quartile",
      "step_ms_upper_quartile", "samples_per_second",
      "data_ms", "compute_ms", "reduce_ms", "norm_ms", "optimizer_ms", "longest_wait_ms",
      "steps_to_target", "noise_scale_samples",
    ]
    let rows = study.counts.flatMap { count in
      count.runs.map { row($0, isOversubscribed: count.isOversubscribed) }
    }
    return ([head] + rows).map { $0.joined(separator: ",") + "\n" }.joined()
  }

  /// What is not known is left empty. Numbers round-trip.
  private func row(_ run: MeasuredRun, isOversubscribed: Bool) -> [String] {
    func milliseconds(_ seconds: Double) -> String { seconds.isFinite ? "\(seconds * 1e3)" : "" }
    func mean(_ part: (PhaseTimes) -> Double) -> String {
      milliseconds(run.parts.map(part).reduce(0, +) / Double(run.parts.count))
    }
    return [
      "\(run.ranks)", "\(run.attempt)", "\(run.globalBatch)", isOversubscribed ? "true" : "false",
      milliseconds(run.step.median),
      milliseconds(run.step.lowerQuartile), milliseconds(run.step.upperQuartile),
      "\(run.samplesPerSecond)", mean { $0.data },
      mean { $0.compute }, mean { $0.reduce }, mean { $0.norm }, mean { $0.optimizer },
      milliseconds(run.waiting.max() ?? 0),
      run.stepsToTarget.map { "\($0)" } ?? "", run.noiseScale.map { "\($0)" } ?? "",
    ]
  }
}
