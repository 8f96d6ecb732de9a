import Vectors

/// Clusters of Gaussian points, generated: a classification task for quick experiments and tests.
///
/// Cluster centres are drawn once from the standard normal; a sample is its centre plus noise of
/// standard deviation `spread`. Sample i belongs to class i mod `classes` and is a function of
/// (seed, i) alone, so no process needs to hold or send the data.
public struct Blobs: Dataset {
  public let count: Int
  public let shape: SampleShape
  public let spread: Double
  public let seed: UInt64
  /// The index, among all samples that the seed defines, of this set's first.
  private let first: Int
  private let centres: [Double]

  public init(classes: Int, dimensions: Int, samples: Int, spread: Double = 1, seed: UInt64) {
    self.init(
      classes: classes, dimensions: dimensions, first: 0, samples: samples, spread: spread,
      seed: seed)
  }

  private init(
    classes: Int, dimensions: Int, first: Int, samples: Int, spread: Double, seed: UInt64
  ) {
    precondition(
      classes > 0 && dimensions > 0 && samples > 0, "blobs need classes, dimensions and samples")
    (count, self.first, self.spread, self.seed) = (samples, first, spread, seed)
    shape = SampleShape(inputs: dimensions, labels: 1, classes: classes)
    var stream = RandomStream(seed, RandomPurpose.blobCentres)
    centres = (0..<classes * dimensions).map { _ in stream.gaussian() }
  }

  /// Further samples of the same clusters, none of them in this set: a test split.
  public func further(_ samples: Int) -> Blobs {
    Blobs(
      classes: shape.classes, dimensions: shape.inputs, first: first + count, samples: samples,
      spread: spread, seed: seed)
  }

  public func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    let width = shape.inputs
    for (row, sample) in samples.enumerated() {
      let index = first + Int(sample)
      let label = index % shape.classes
      var stream = RandomStream(seed, RandomPurpose.blobSamples, UInt64(index))
      for column in 0..<width {
        batch.inputs[row * width + column] = Float(
          centres[label * width + column] + spread * stream.gaussian())
      }
      batch.labels[row] = Int32(label)
    }
  }
}
