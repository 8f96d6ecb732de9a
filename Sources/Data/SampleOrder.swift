import Vectors

/// The order in which an epoch visits the samples: a function of (seed, epoch), never of the number
/// of ranks.
public enum SampleOrder: String, Sendable, CaseIterable, Codable {
  /// A new permutation each epoch.
  case shuffled
  /// As they lie in the data: sample i of step k of an epoch is k·B + i.
  case sequential

  /// The indices 0 ..< count in the order of an epoch, counted from 0 (Fisher and Yates's shuffle
  /// as Durstenfeld gave it, 1964).
  public func indices(count: Int, seed: UInt64, epoch: Int) -> [UInt32] {
    precondition(
      count >= 0 && count <= Int(UInt32.max), "\(count) samples do not fit 32-bit indices")
    var order = Array(0..<UInt32(count))
    guard self == .shuffled else { return order }
    var stream = RandomStream(seed, RandomPurpose.sampleOrder, UInt64(epoch))
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, Int(stream.integer(below: UInt64(last + 1))))
    }
    return order
  }
}
