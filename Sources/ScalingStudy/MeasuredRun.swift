import FoundationEssentials
import Recording
import Reports
import Scaling

/// One run of a scaling study, as its directory holds it: the times of its steps, and where each
/// rank's went.
public struct MeasuredRun: Sendable, Equatable {
  public var ranks: Int
  /// Of each rank.
  public var threads: Int
  /// Counted from 1.
  public var attempt: Int
  public var globalBatch: Int
  public var hosts: [String]
  public var cores: Int
  public var cpu: String
  /// Of the steps after the warm-up, in seconds.
  public var step: Quartiles
  /// A mean step of each rank after the warm-up.
  public var parts: [PhaseTimes]
  /// Steps to the target loss, where there is one and it was reached; the noise scale on the way.
  public var stepsToTarget: Int?
  public var noiseScale: Double?

  package init(
    ranks: Int, threads: Int = 1, attempt: Int, globalBatch: Int, hosts: [String], cores: Int,
    cpu: String,
    step: Quartiles, parts: [PhaseTimes],
    stepsToTarget: Int? = nil, noiseScale: Double? = nil
  ) {
    (self.ranks, self.attempt, self.globalBatch, self.hosts, self.cores, self.cpu) = (
      ranks, attempt, globalBatch, hosts, cores, cpu
    )
    self.threads = threads
    (self.step, self.parts, self.stepsToTarget, self.noiseScale) = (
      step, parts, stepsToTarget, noiseScale
    )
  }

  /// Reads a run that has ended. The first `warmUp` steps do not count.
  public init(
    _ directory: RunDirectory, ranks: Int, attempt: Int, warmUp: Int, microBatch: Int,
    targetLoss: Double?
  ) throws(RunFileError) {
    let run = try FinishedRun(name: "", directory: directory)
    let environment = try JSONFile.read(EnvironmentRecord.self, from: directory.environment)
    let timed = run.steps.filter { $0.step > warmUp }
    guard let step = Quartiles(timed.map(\.seconds.total)) else {
      throw RunFileError(
        "\(directory.metrics): no step after the \(warmUp) of the warm-up; ask for more with --steps"
      )
    }
    (self.ranks, self.attempt, self.step) = (ranks, attempt, step)
    globalBatch = run.steps[0].samples
    (cores, cpu, threads) = (environment.cores, environment.cpu, environment.threads)
    hosts = zip(environment.hosts, environment.ranksPerHost).flatMap {
      [String](repeating: $0, count: $1)
    }
    var sums = [PhaseTimes](repeating: .zero, count: ranks)
    var places = [String](repeating: "", count: ranks)
    try RankRecord.read(path: directory.ranks) { record in
      guard record.rank < ranks else { return }
      places[record.rank] = record.host
      if record.step > warmUp { sums[record.rank] += record.seconds }
    }
    parts = sums.map { $0 / Double(timed.count) }
    // Ranks need not lie on their hosts one host after the other.
    if !places.contains("") { hosts = places }
    guard let targetLoss else { return }
    stepsToTarget = run.steps(toLoss: targetLoss, window: max(1, 4096 / globalBatch))
    if let stepsToTarget {
      let scales = run.noiseScales(until: stepsToTarget, microBatch: microBatch).filter {
        $0 > 0 && $0.isFinite
      }
      noiseScale =
        scales.isEmpty
        ? run.steps[stepsToTarget - 1].noise.scale : scales.reduce(0, +) / Double(scales.count)
    }
  }

  /// What a rank does by itself in a step: data, computing and update, of the rank that takes
  /// longest.
  public var own: Double { parts.map(\.own).max() ?? 0 }

  /// Seconds a step that each rank spends in calls that wait for others, beyond the rank that
  /// spends least there.
  public var waiting: [Double] {
    let together = parts.map(\.together)
    let least = together.min() ?? 0
    return together.map { $0 - least }
  }

  public var samplesPerSecond: Double { Double(globalBatch) / step.median }
}
