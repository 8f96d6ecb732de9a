import Models
import Testing
import Vectors

@Suite struct KMeansTests {
  /// 1500 points of 5 dimensions in 8 overlapping clusters of unequal size, from a congruential
  /// generator that any language can repeat.
  private static func blobs() -> Batch {
    var state: UInt32 = 7
    func unit() -> Double {
      state = state &* 1_664_525 &+ 1_013_904_223
      return Double(state >> 8) * 0x1p-24
    }
    let centres = (0..<8).map { _ in (0..<5).map { _ in Float(10 * unit()) } }
    var batch = Batch(capacity: 1500, shape: SampleShape(inputs: 5))
    batch.count = 1500
    for sample in 0..<1500 {
      for index in 0..<5 {
        batch.inputs[sample * 5 + index] =
          centres[sample * sample % 11 % 8][index] + Float(12 * (unit() - 0.5))
      }
    }
    return batch
  }

  /// scikit-learn 1.9.1's `KMeans(8, n_init=10, tol=0)` on these points; single runs reach 65,736
  /// to 68,424.
  private static let bestOfTen = 65688.61945267754

  /// Gradient descent in batches of 100, with a rate that falls from a quarter of the number of
  /// clusters to zero.
  private static func train(_ model: KMeans, _ weights: inout FlatVector, epochs: Int) {
    let all = blobs()
    var batch = Batch(capacity: 100, shape: all.shape)
    batch.count = 100
    var gradient = FlatVector(zeros: model.layout)
    let steps = epochs * 15
    for step in 0..<steps {
      // 15 batches of every fifteenth point.
      for row in 0..<100 {
        for index in 0..<5 {
          batch.inputs[row * 5 + index] = all.inputs[(row * 15 + step % 15) * 5 + index]
        }
      }
      _ = model.lossAndGradient(
        batch, weights: weights, into: &gradient, scale: 0.01, accumulate: false
      ) { _, _ in }
      let rate = 2 * Float(steps - step) / Float(steps)
      for index in 0..<weights.count { weights.base[index] -= rate * gradient.base[index] }
    }
  }

  @Test(arguments: [1, 2, 3]) func reachesScikitLearnsInertia(seed: UInt64) {
    let model = KMeans(clusters: 8, inputs: 5, starts: 10)
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: seed, samples: Self.blobs())
    let start = 2 * model.evaluate(Self.blobs(), weights: weights).lossSum
    #expect(start < 1.01 * Self.bestOfTen && start > 0.9999 * Self.bestOfTen)
    Self.train(model, &weights, epochs: 30)
    let inertia = 2 * model.evaluate(Self.blobs(), weights: weights).lossSum
    #expect(inertia < 1.01 * Self.bestOfTen && inertia > 0.9999 * Self.bestOfTen)
  }

  /// From a single draw of k-means++, far from the minimum, so that the descent itself is tested.
  @Test(arguments: [1, 2, 3, 4]) func descendsFromASingleStart(seed: UInt64) {
    let model = KMeans(clusters: 8, inputs: 5)
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: seed, samples: Self.blobs())
    let start = 2 * model.evaluate(Self.blobs(), weights: weights).lossSum
    Self.train(model, &weights, epochs: 60)
    let inertia = 2 * model.evaluate(Self.blobs(), weights: weights).lossSum
    print(
      "k-means from one start: \(start) to \(inertia), \(inertia / Self.bestOfTen) of scikit-learn's best of ten"
    )
    #expect(start > 1.1 * Self.bestOfTen)
    // The worst of scikit-learn's own single runs.
    #expect(inertia < 68425)
  }

  @Test func agreesWithCentralDifferences() throws {
    let model = KMeans(clusters: 4, inputs: 5)
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: 3)
    let samples = Samples(9, width: 5, classes: 1, seed: 5)
    var margin = Double.infinity
    func loss(_ tensors: [[Double]]) -> Double {
      samples.inputs.reduce(0) { total, x in
        let squares = (0..<4).map { cluster in
          x.indices.reduce(0) {
            $0 + (x[$1] - tensors[0][cluster * 5 + $1]) * (x[$1] - tensors[0][cluster * 5 + $1])
          }
        }
        .sorted()
        margin = min(margin, squares[1] - squares[0])
        return total + squares[0] / 2
      }
    }
    var gradient = FlatVector(zeros: model.layout)
    let actual = model.lossAndGradient(
      samples.batch(spare: 1), weights: weights, into: &gradient, scale: 0.5, accumulate: false
    ) { _, _ in }
    #expect(abs(actual - loss(weights.tensors)) < 1e-7 * actual)
    try #require(margin > 1e-3)
    let differences = centralDifferences(weights.tensors, step: 1e-5, of: loss)
    #expect(relativeError(gradient.tensors[0], differences[0].map { $0 / 2 }) < 1e-6)
  }

  /// Far from the origin products lose the digits in which neighbours differ; distances do not.
  @Test func theNearestClusterIsFoundFarFromTheOrigin() {
    let model = KMeans(clusters: 3, inputs: 2)
    var weights = FlatVector(zeros: model.layout)
    weights.set(0, to: [10_000, 10_000, 10_001, 10_000, 10_002, 10_000])
    var batch = Batch(capacity: 3, shape: SampleShape(inputs: 2))
    batch.count = 3
    for (index, value) in [10_000.25, 10_000, 10_001.25, 10_000, 10_001.75, 10_000].enumerated() {
      batch.inputs[index] = Float(value)
    }
    #expect(model.evaluate(batch, weights: weights).lossSum == 3 * 0.0625 / 2)
  }

  @Test func aRateOfTheClustersIsAStepOfLloyds() {
    let model = KMeans(clusters: 2, inputs: 1)
    var weights = FlatVector(zeros: model.layout)
    weights.set(0, to: [0, 10])
    var batch = Batch(capacity: 4, shape: SampleShape(inputs: 1))
    batch.count = 4
    for (index, value) in [1, 2, 8, 13].enumerated() { batch.inputs[index] = Float(value) }
    var gradient = FlatVector(zeros: model.layout)
    _ = model.lossAndGradient(
      batch, weights: weights, into: &gradient, scale: 0.25, accumulate: false
    ) { _, _ in }
    #expect(weights.base[0] - 2 * gradient.base[0] == 1.5)
    #expect(weights.base[1] - 2 * gradient.base[1] == 10.5)
  }

  @Test func startsFromSamples() {
    let model = KMeans(clusters: 8, inputs: 5)
    var (counts, seen) = ([Int](repeating: 0, count: 8), Set<[Float]>())
    let points = Self.blobs()
    for seed in 0..<20 as Range<UInt64> {
      var weights = FlatVector(zeros: model.layout)
      model.initialize(&weights, seed: seed, samples: points)
      var again = FlatVector(zeros: model.layout)
      KMeans(clusters: 8, inputs: 5).initialize(&again, seed: seed, samples: points)
      let (first, second) = (weights.bits, again.bits)
      #expect(first == second)
      for cluster in 0..<8 {
        let centroid = (0..<5).map { weights.base[cluster * 5 + $0] }
        seen.insert(centroid)
        if (0..<1500).contains(where: { row in
          (0..<5).allSatisfy { points.inputs[row * 5 + $0] == centroid[$0] }
        }) {
          counts[cluster] += 1
        }
      }
    }
    #expect(counts.allSatisfy { $0 == 20 })
    #expect(seen.count > 100)
    // Fewer samples than clusters: some clusters start at the same sample.
    var few = Batch(capacity: 2, shape: SampleShape(inputs: 5))
    few.count = 2
    few.inputs[7] = 1
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: 1, samples: few)
    #expect(model.evaluate(few, weights: weights).lossSum == 0)
  }
}
