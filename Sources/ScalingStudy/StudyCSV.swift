import Recording
import Scaling

/// `points.csv`: a row a run of a study, units in the header.
public struct StudyCSV {
  private let study: Study

  public init(_ study: Study) { self.study = study }

  public var text: String {
    let head =
      [
        "ranks", "repeat", "global_batch", "oversubscribed", "step_ms", "step_ms_lower_quartile",
        "step_ms_upper_quartile", "samples_per_second",
      ]
      + Phase.allCases.map { "\($0.name)_ms" } + [
        "longest_wait_ms", "steps_to_target", "noise_scale_samples", "threads",
      ]
    let rows = study.counts.flatMap { count in
      count.runs.map { row($0, isOversubscribed: count.isOversubscribed) }
    }
    return ([head] + rows).map { $0.joined(separator: ",") + "\n" }.joined()
  }

  /// What is not known is left empty. Numbers round-trip.
  private func row(_ run: MeasuredRun, isOversubscribed: Bool) -> [String] {
    func milliseconds(_ seconds: Double) -> String { seconds.isFinite ? "\(seconds * 1e3)" : "" }
    return [
      "\(run.ranks)", "\(run.attempt)", "\(run.globalBatch)", isOversubscribed ? "true" : "false",
      milliseconds(run.step.median),
      milliseconds(run.step.lowerQuartile), milliseconds(run.step.upperQuartile),
      "\(run.samplesPerSecond)",
    ]
      + Phase.allCases.map { phase in
        milliseconds(run.parts.map { $0[phase] }.reduce(0, +) / Double(run.parts.count))
      } + [
        milliseconds(run.waiting.max() ?? 0), run.stepsToTarget.map { "\($0)" } ?? "",
        run.noiseScale.map { "\($0)" } ?? "", "\(run.threads)",
      ]
  }
}
