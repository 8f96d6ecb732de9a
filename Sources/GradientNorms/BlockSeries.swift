/// A run of any length kept as at most 256 blocks of equally many steps: bounded memory, the whole
/// run in view.
///
/// When the blocks are full, neighbours are merged and the stride doubles.
public struct BlockSeries: Sendable, Equatable, Codable {
  public static let capacity = 256
  /// Complete blocks, oldest first: block i holds the steps i·stride + 1 … (i + 1)·stride.
  public private(set) var blocks: [StepSums] = []
  /// Steps a block.
  public private(set) var stride = 1
  /// The steps after the last complete block.
  public private(set) var rest = StepSums()

  public init() {}

  /// Takes in the sums of one step.
  public mutating func append(_ step: StepSums) {
    rest += step
    guard rest.steps >= stride else { return }
    blocks.append(rest)
    rest = StepSums()
    if blocks.count == Self.capacity {
      blocks = Swift.stride(from: 0, to: Self.capacity, by: 2).map {
        StepSums.total(blocks[$0...$0 + 1])
      }
      stride *= 2
    }
  }

  public var steps: Int { blocks.count * stride + rest.steps }

  /// All steps as consecutive parts: the blocks, and what is left as one more, or with the last one
  /// where it is less than half a block.
  public var parts: [StepSums] {
    guard rest.steps > 0 else { return blocks }
    guard 2 * rest.steps < stride, let last = blocks.last else { return blocks + [rest] }
    return blocks.dropLast() + [StepSums.total([last, rest])]
  }
}
