/// How many of a run's steps were spikes, for the convergence report: the share of them is the
/// spike score of the whole run.
///
/// A checkpoint holds it, so that a resumed run has the counts of one that was never interrupted.
public struct SpikeCount: Codable, Sendable, Equatable {
  /// What the values are: `loss` or `norm`.
  public let name: String
  /// Steps whose value could be compared with those before it.
  public private(set) var compared = 0
  public private(set) var spikes = 0

  public init(_ name: String) { self.name = name }

  /// Takes in a step; nil where it could not be compared.
  mutating func add(_ isSpike: Bool?) {
    guard let isSpike else { return }
    compared += 1
    if isSpike { spikes += 1 }
  }

  /// Spikes over steps that were compared; nil without one.
  public var share: Double? { compared > 0 ? Double(spikes) / Double(compared) : nil }

  /// Whether these can be the counts of a run.
  var isPossible: Bool { (0...max(compared, 0)).contains(spikes) && compared >= 0 }
}

extension ComputedMetrics {
  /// The metrics of a run, of which spike scores have this window and so many deviations.
  public init(_ metrics: [any Metric], spikeWindow: Int, deviations: Double) {
    self.init(
      metrics.map {
        ($0 as? SpikeScore)?.with(window: spikeWindow, deviations: deviations) ?? $0
      })
  }

  /// The counts of the spike scores over the run so far, in their order.
  public var spikeCounts: [SpikeCount] { metrics.compactMap { ($0 as? SpikeScore)?.total } }

  /// Goes on from the counts of a checkpoint; scores that it does not have begin at 0.
  public mutating func restore(_ counts: [SpikeCount]) {
    for (index, metric) in metrics.enumerated() {
      guard var score = metric as? SpikeScore else { continue }
      let name = score.total.name
      score.restore(counts.first { $0.name == name && $0.isPossible } ?? SpikeCount(name))
      metrics[index] = score
    }
  }
}
