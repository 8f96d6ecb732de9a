import Glibc
import Recording

/// A run that has ended, as its directory holds it.
public struct FinishedRun: Sendable {
  public let name: String
  public let report: ConvergenceReport
  public let steps: [StepRecord]
  /// Its alarms, with their causes.
  public let incidents: [IncidentRecord]

  package init(
    name: String, report: ConvergenceReport, steps: [StepRecord], incidents: [IncidentRecord] = []
  ) {
    precondition(!steps.isEmpty)
    (self.name, self.report, self.steps, self.incidents) = (name, report, steps, incidents)
  }

  /// - Throws: when the directory holds no report or no steps.
  public init(name: String, directory: RunDirectory) throws(RunFileError) {
    self.name = name
    report = try JSONFile.read(ConvergenceReport.self, from: directory.report)
    var steps: [StepRecord] = []
    try StepRecord.read(path: directory.metrics) { steps.append($0) }
    guard !steps.isEmpty else { throw RunFileError("\(directory.metrics): no step is recorded") }
    self.steps = steps
    var incidents: [IncidentRecord] = []
    if access(directory.incidents, F_OK) == 0 {
      try IncidentRecord.read(path: directory.incidents) { incidents.append($0) }
    }
    self.incidents = incidents
  }

  package var score: Double? { report.final.score?.value }

  /// The loss of the rows held out; infinite where there is none.
  package var finalLoss: Double { report.final.loss ?? .infinity }

  /// The time of all steps.
  package var minutes: Double { steps.reduce(0) { $0 + $1.seconds.total } / 60 }

  /// The steps of a part of the run, given as fractions of its length; at least one.
  package func part(_ from: Double, _ to: Double) -> ArraySlice<StepRecord> {
    let start = min(steps.count - 1, Int(Double(steps.count) * from))
    return steps[start..<max(start + 1, Int(Double(steps.count) * to))]
  }

  /// The mean of the losses in a part of the run; infinite where one is not finite.
  package func loss(_ from: Double, _ to: Double) -> Double {
    mean(part(from, to).map { $0.loss ?? .infinity })
  }

  /// The root mean square of the norms in a part of the run.
  package func norm(_ from: Double, _ to: Double) -> Double {
    mean(part(from, to).compactMap(\.norm.global).map { $0 * $0 }).squareRoot()
  }

  /// The first step from which on the mean loss of `window` steps is at most `target`.
  public func steps(toLoss target: Double, window: Int) -> Int? {
    var sum = 0.0
    for (index, step) in steps.enumerated() {
      sum += step.loss ?? .infinity
      if index >= window { sum -= steps[index - window].loss ?? .infinity }
      if index + 1 >= window, sum <= target * Double(window) { return index + 1 }
    }
    return nil
  }

  /// The noise scale in each eighth of a run's first steps: ratios of mean trΣ and mean |G|², each
  /// from the steps' own norms, over micro-batches of this size. Empty where a step has but one, or
  /// the steps are fewer than eight.
  public func noiseScales(until count: Int, microBatch: Int) -> [Double] {
    let samples = Double(steps[0].samples)
    let parts = (samples / Double(microBatch)).rounded(.up)
    guard parts > 1, count >= 8 else { return [] }
    return (0..<8).map { eighth in
      let part = steps[(count * eighth / 8)..<(count * (eighth + 1) / 8)]
      let total = mean(part.compactMap(\.norm.global).map { $0 * $0 })
      let local = mean(part.compactMap(\.norm.localRMS).map { $0 * $0 })
      let variance = (local - total) * samples / (parts - 1)
      return variance / (total - variance / samples)
    }
  }

  /// How erratic the norm is over a part of the run: the median of |ln(nₜ₊₁/nₜ)|, what it typically
  /// changes by from one step to the next.
  package func erraticness(_ from: Double, _ to: Double) -> Double {
    let norms = part(from, to).compactMap(\.norm.global).filter { $0 > 0 }
    guard norms.count > 1 else { return .infinity }
    let changes = zip(norms.dropFirst(), norms).map { abs(log($0 / $1)) }.sorted()
    return changes[changes.count / 2]
  }

  package func normPicture(_ range: ClosedRange<Double>) -> String {
    Sparkline.text(steps.map(\.norm.global), width: 32, isLogarithmic: true, range: range)
  }
}

/// NaN of none.
package func mean(_ values: [Double]) -> Double {
  values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
}
