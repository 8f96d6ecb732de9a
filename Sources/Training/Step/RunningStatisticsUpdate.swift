import Configuration
import GradientNorms
import MPI
import Models
import Vectors

/// Sums what a step's micro-batches have found, over all ranks, into a model's running statistics.
///
/// The sums are exact and of whole micro-batches, weighted by samples, so that the running
/// statistics have the same bits at any number of ranks. They are not in the ledger: it would be
/// several times as long, and no decision is taken by them. One allreduce of 48 bytes a value
/// after each step that was applied.
final class RunningStatisticsUpdate {
  let statistics: RunningStatistics
  /// The running mean of the running statistics, where there is one of the weights.
  let average: WeightAverage?
  /// A ``FixedPointSum`` for each element of the layout, and the samples.
  private var words: [Int64]
  /// Whether micro-batches count: of a step's passes the first does.
  private var counts = false

  /// Nil for a model without running statistics.
  init?(_ model: any Model, _ settings: TrainerSettings) {
    guard let statistics = model.runningStatistics else { return nil }
    self.statistics = statistics
    average = settings.evaluation.average.map {
      WeightAverage(decay: $0, owning: OwnedRanges(0..<statistics.layout.elementCount))
    }
    words = [Int64](
      repeating: 0, count: statistics.layout.elementCount * FixedPointSum.wordCount + 1)
  }

  func beginStep() {
    counts = true
    for index in words.indices { words[index] = 0 }
  }

  /// A micro-batch of so many samples has been computed.
  func add(samples: Int) {
    // One value has no variance.
    guard counts, samples >= statistics.leastSamples else { return }
    let found = statistics.found.base
    words.withUnsafeMutableBufferPointer { words in
      for place in 0..<statistics.layout.elementCount {
        FixedPointSum.add(
          Double(samples) * Double(found[place]),
          to: words.baseAddress! + place * FixedPointSum.wordCount)
      }
      words[words.count - 1] += Int64(samples)
    }
  }

  /// The first pass over the step's micro-batches has ended.
  func endPass() { counts = false }

  /// The step was applied: the running statistics move towards its own. Collective.
  func apply(on world: borrowing Communicator) throws(MPIError) {
    // A span of a local array, and no copy of it.
    var total: [Int64] = []
    swap(&total, &words)
    var span = total.mutableSpan
    try world.allReduce(&span, .sum)
    swap(&total, &words)
    let samples = Double(words.last!)
    guard samples > 0 else { return }
    words.withUnsafeBufferPointer { words in
      statistics.update {
        FixedPointSum.value(of: words.baseAddress! + $0 * FixedPointSum.wordCount) / samples
      }
    }
    average?.add(statistics.values)
  }

  /// Runs `body` with their running mean in the place of the running statistics.
  func withAverage<Result>(_ body: () throws -> Result) rethrows -> Result {
    guard let average else { return try body() }
    let trained = FlatVector(copying: statistics.values)
    defer { statistics.values.copy(from: trained) }
    average.replace(&statistics.values)
    return try body()
  }
}
