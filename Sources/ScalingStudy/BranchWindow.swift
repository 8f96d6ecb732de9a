/// The samples that branches train on: as many with every batch, to the sample.
///
/// A step at the end of an epoch takes what is left of it, so that batches of all sizes come to the
/// same sample at the ends of epochs, and where the largest has taken whole steps since then or
/// since the branches' start.
public struct BranchWindow: Sendable, Equatable {
  /// Samples trained on before the first step of a branch, and after its last.
  public let start: Int
  public let end: Int
  /// The step of the run's own batch that ends there.
  public let endStep: Int

  public var samples: Int { end - start }

  /// At most `wanted` samples; nil where that is not four steps of the largest batch.
  ///
  /// - Parameters:
  ///   - start: samples of the run before the branches, whole steps of `batch`.
  ///   - wanted: samples of a branch.
  ///   - epoch: samples of an epoch.
  ///   - batch: samples of a step of the run.
  ///   - factors: how many times that a branch's batch has.
  public init?(start: Int, wanted: Int, epoch: Int, batch: Int, factors: [Int]) {
    let period = factors.reduce(1, Self.leastMultiple) * batch
    let (first, last) = (start / epoch, (start + wanted) / epoch)
    // Where whole steps of all batches begin to count.
    let origin = first == last ? start : last * epoch
    end = origin + (start + wanted - origin) / period * period
    self.start = start
    guard end - start >= 4 * batch * (factors.max() ?? 1) else { return nil }
    let perEpoch = (epoch + batch - 1) / batch
    endStep = end / epoch * perEpoch + end % epoch / batch
  }

  private static func leastMultiple(_ a: Int, _ b: Int) -> Int {
    var (x, y) = (a, b)
    while y != 0 { (x, y) = (y, x % y) }
    return a / x * b
  }

  /// Steps between two evaluations of a branch whose batch is `factor` times the run's: about
  /// sixteen evaluations, at the same samples with every batch where its size allows.
  public func evaluationInterval(factor: Int, batch: Int) -> Int {
    max(1, Int((Double(samples) / Double(16 * factor * batch)).rounded()))
  }
}
