import Files
import Vectors

/// Samples by index: what a trainer draws its batches from.
public protocol Dataset: Sendable {
  var count: Int { get }
  /// What one sample holds.
  var shape: SampleShape { get }

  /// The classes' names, in the order of their numbers; empty where they have none.
  var classNames: [String] { get }

  /// Whether reading may wait for a disk or a network: then it is done ahead of need, on a thread
  /// (``Prefetcher``). What lies in memory or is generated is read sooner than a thread could be
  /// woken.
  var waitsForFiles: Bool { get }

  /// Writes these samples, in this order, into the batch's first rows. The batch has this data's
  /// shape, room for them, their epoch and their indices, each in 0 ..< count:
  /// `fill(_:with:epoch:)` has seen to it.
  ///
  /// - Throws: where data that is read while training cannot be.
  func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) throws(FileError)

  /// An error about a value of a sample, which names the file and the row that it comes from; nil
  /// for data that come from no file.
  func refusal(of value: SampleValue, in sample: UInt32, _ what: String, remedy: String)
    -> FileError?
}

/// One of a sample's numbers, counted from 0.
public enum SampleValue: Sendable {
  case input(Int), target(Int)
}

extension Dataset {
  public var classNames: [String] { [] }

  public var waitsForFiles: Bool { false }

  public func refusal(of value: SampleValue, in sample: UInt32, _ what: String, remedy: String)
    -> FileError?
  { nil }

  /// Fills a batch with these samples, in this order. Traps when they do not fit or do not exist.
  public func fill(_ batch: inout Batch, with samples: ArraySlice<UInt32>, epoch: Int = 0)
    throws(FileError)
  {
    guard samples.count <= batch.capacity, batch.shape == shape else {
      fatalError(
        "\(samples.count) samples of \(shape) do not fit a batch of \(batch.capacity) times \(batch.shape)"
      )
    }
    // Until all is read it holds nothing.
    batch.count = 0
    batch.epoch = epoch
    for (row, sample) in samples.enumerated() {
      guard sample < count else { fatalError("sample \(sample) of a data set of \(count)") }
      batch.samples[row] = sample
    }
    try read(samples, into: &batch)
    batch.count = samples.count
  }
}
