import Glibc
import Lockstep

/// `data.kind = "spirals"`: points of intertwined spiral arms; which arm is the label.
struct Spirals: DataKind {
  static let kind = "spirals"
  static let summary = "Points of intertwined spiral arms."
  let arms: Int
  let samples: Int

  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    arms = try keys.integer("arms", default: 3, in: 2...16, "arms, each a class")
    samples = try keys.integer("samples", default: 3000, in: 100...1_000_000, "points")
  }

  func outline() -> SampleShape? { SampleShape(inputs: 2, labels: 1, classes: arms) }

  func open(seed: UInt64, on ranks: borrowing some DataContext & ~Copyable) -> TrainingData {
    TrainingData(
      train: Points(arms: arms, count: samples, seed: seed, first: 0),
      test: Points(arms: arms, count: samples / 4, seed: seed, first: samples))
  }

  /// Sample i is a function of the seed and i alone, so every rank reads the same.
  struct Points: Dataset {
    let arms: Int
    let count: Int
    let seed: UInt64
    let first: Int
    var shape: SampleShape { SampleShape(inputs: 2, labels: 1, classes: arms) }

    func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
      for (row, sample) in samples.enumerated() {
        let index = first + Int(sample)
        var random = RandomStream(seed, 0x5350_4952, UInt64(index))
        let radius = random.unit()
        let angle = 4 * radius + 2 * .pi * Double(index % arms) / Double(arms)
        batch.inputs[2 * row] = Float(radius * cos(angle) + 0.02 * random.gaussian())
        batch.inputs[2 * row + 1] = Float(radius * sin(angle) + 0.02 * random.gaussian())
        batch.labels[row] = Int32(index % arms)
      }
    }
  }
}
