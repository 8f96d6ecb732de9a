import Vectors

/// Samples by index: what a trainer draws its batches from.
public protocol Dataset: Sendable {
  var count: Int { get }
  /// The input values of a sample: a batch's `width`.
  var inputWidth: Int { get }
  /// Labels lie in 0 ..< classCount; 0 for regression.
  var classCount: Int { get }
  /// The target values of a sample for a squared error; 0 for classification.
  var targetWidth: Int { get }

  /// Writes these samples, in this order, into the batch and sets its count. Traps when they do not fit.
  func fill(_ batch: inout Batch, with samples: ArraySlice<UInt32>)
}

extension Dataset {
  /// Traps unless the batch has room for that many samples of this data.
  func checkFit(_ batch: borrowing Batch, _ samples: ArraySlice<UInt32>) {
    guard samples.count <= batch.capacity, batch.width == inputWidth, batch.targetWidth == targetWidth else {
      fatalError(
        "\(samples.count) samples of \(inputWidth) inputs and \(targetWidth) targets do not fit a batch of \(batch.capacity) times "
          + "\(batch.width) and \(batch.targetWidth)")
    }
  }
}
