import Data
import Vectors

/// A classification task in which a share of the labels is drawn at random: a loss with a floor
/// that no model gets below.
struct NoisyLabels: Dataset {
  let clean: any Dataset
  let share: Double
  let seed: UInt64

  var count: Int { clean.count }
  var shape: SampleShape { clean.shape }

  func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    try! clean.read(samples, into: &batch)
    for (row, sample) in samples.enumerated() {
      var stream = RandomStream(seed, 91, UInt64(sample))
      if stream.unit() < share {
        batch.labels[row] = Int32(stream.integer(below: UInt64(shape.classes)))
      }
    }
  }
}
