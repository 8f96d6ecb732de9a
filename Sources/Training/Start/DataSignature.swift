import Configuration
import Data
import Files
import Vectors

/// A few numbers by which training data are known again, taken from samples at even distances.
///
/// They are sums, compared with a tolerance: data that are computed may differ in their last bits
/// on another CPU.
struct DataSignature: Codable, Equatable {
  private(set) var sums: [Double]
  private static let samples = 32

  init(_ data: any Dataset) throws(FileError) {
    let count = min(Self.samples, data.count)
    var batch = Batch(capacity: max(1, count), shape: data.shape)
    let indices = (0..<count).map { UInt32(count > 1 ? $0 * (data.count - 1) / (count - 1) : 0) }
    try data.fill(&batch, with: indices[...])
    let shape = data.shape
    sums = (0..<count).map { row in
      Self.sum(batch.inputs, row, shape.inputs) { Double($0) } + 2
        * Self.sum(batch.targets, row, shape.targets) { Double($0) }
        + 3 * Self.sum(batch.tokens, row, shape.tokens) { Double($0) } + 5
        * Self.sum(batch.labels, row, shape.labels) { Double($0) }
    }
  }

  /// The places of a row have different weights, so that exchanged columns show.
  private static func sum<Element>(
    _ values: UnsafeMutableBufferPointer<Element>, _ row: Int, _ width: Int,
    _ number: (Element) -> Double
  ) -> Double {
    (0..<width).reduce(0) { $0 + number(values[row * width + $1]) * (1 + Double($1 % 7) / 7) }
  }

  func isSame(as other: DataSignature) -> Bool {
    sums.count == other.sums.count
      && zip(sums, other.sums).allSatisfy { abs($0 - $1) <= 1e-4 * max(1e-6, abs($0), abs($1)) }
  }
}
