import Models
import Testing
import Vectors

/// A gradient whose samples are clipped one by one is the sum of the gradients of batches of one,
/// each times its factor.
@Suite struct SampleClipTests {
  @Test(arguments: ModelCase.all.filter { $0.model().obstacleToSamples == nil })
  func everyModelClipsSamples(_ kind: ModelCase) {
    check(kind.model(), count: ModelCase.count) { kind.batch($0, 2) }
  }

  @Test(
    arguments: NetworkTests.compositions.filter { !$0.0.contains("batch-norm") }
      + SampleSquaresTests.bothWays)
  func everyLayerClipsSamples(_ layers: String, _ shape: SampleShape) throws {
    let network = try NetworkTests.network(
      layers, shape, loss: shape.targets > 0 ? "squared-error" : "cross-entropy")
    check(network, count: 5) { SampleSquaresTests.part($0, of: NetworkTests.batch(shape)) }
  }

  private static let scale: Float = 0.5

  private func check(
    _ model: any Model, count: Int, batch: (_ samples: Range<Int>) -> Batch
  ) {
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: 3)
    let start = RandomStream.vector(model.layout, seed: 11)
    let segments = model.layout.segments
    var finished: [Int] = []
    func gradient(_ samples: Range<Int>, _ squares: SampleSquares? = nil, accumulate: Bool = false)
      -> FlatVector
    {
      var result = FlatVector(copying: start)
      model.compute.sampleSquares = squares
      defer { model.compute.sampleSquares = nil }
      finished = []
      _ = model.lossAndGradient(
        batch(samples), weights: weights, into: &result, scale: Self.scale, accumulate: accumulate
      ) { tensor, _ in finished.append(tensor) }
      return result
    }
    let apart = (0..<count).map { sample in
      let one = gradient(sample..<sample + 1)
      return segments.map { $0.range.map { Double(one.base[$0]) } }
    }
    let norms = apart.map { $0.joined().reduce(0) { $0 + $1 * $1 }.squareRoot() }
    // Some are longer, some are not, and one is scaled by nearly 1.
    let limit = 0.5 * (norms.sorted()[count / 2] + norms.max()!)
    func factor(_ norm: Double) -> Double { min(1, limit / (norm + 1e-6)) }
    #expect(norms.contains { $0 > limit } && norms.contains { $0 < limit })
    let truth = segments.indices.map { tensor in
      apart[0][tensor].indices.map { index in
        (0..<count).reduce(0) { $0 + factor(norms[$1]) * apart[$1][tensor][index] }
      }
    }
    let size = truth.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()

    for mayMakeGradients in [false, true] {
      let squares = SampleSquares(by: model.compute, mayMakeGradients: mayMakeGradients)
      for accumulate in [false, true] {
        let plain = gradient(0..<count, accumulate: accumulate)
        let order = finished
        squares.factor = { factor($0.squareRoot()) }
        let clipped = gradient(0..<count, squares, accumulate: accumulate)
        #expect(finished == order)
        for (sample, own) in squares.factors.enumerated() {
          #expect(abs(Double(own) - factor(norms[sample])) <= 2e-5)
        }
        for (tensor, segment) in segments.enumerated() {
          var (error, own, added) = (0.0, 0.0, 0.0)
          for (index, place) in segment.range.enumerated() {
            let before = accumulate ? Double(start.base[place]) : 0
            let difference = Double(clipped.base[place]) - before - truth[tensor][index]
            error += difference * difference
            own += truth[tensor][index] * truth[tensor][index]
            added += before * before
          }
          #expect(
            error.squareRoot()
              <= 1e-5 * own.squareRoot() + 1e-6 * size + 2e-7 * added.squareRoot(),
            "\(segment.name): \(error.squareRoot()) of \(own.squareRoot()), accumulate \(accumulate)"
          )
        }
        // With a limit that none reaches it is the plain gradient, and so it is without any again.
        squares.factor = { _ in 1 }
        let unclipped = gradient(0..<count, squares, accumulate: accumulate)
        let again = gradient(0..<count, accumulate: accumulate)
        for segment in segments {
          for place in segment.range {
            #expect(unclipped.base[place] == plain.base[place], "\(segment.name)")
            #expect(again.base[place] == plain.base[place], "\(segment.name)")
          }
        }
      }
    }
  }

  /// A sample whose gradient is not finite keeps it: it shows in the sum.
  @Test func aSampleThatIsNotFiniteShows() throws {
    let shape = SampleShape(inputs: 3, labels: 1, classes: 4)
    let network = try Network(for: shape) { Dense(.count(4)) }
    var weights = FlatVector(zeros: network.layout)
    network.initialize(&weights, seed: 1)
    var batch = Batch(capacity: 2, shape: shape)
    batch.count = 2
    for index in 0..<6 { batch.inputs[index] = index == 4 ? .infinity : 0.5 }
    (batch.labels[0], batch.labels[1]) = (0, 1)
    let squares = SampleSquares(by: network.compute, mayMakeGradients: false)
    squares.factor = { min(1, 1e-3 / ($0.squareRoot() + 1e-6)) }
    network.compute.sampleSquares = squares
    var gradient = FlatVector(zeros: network.layout)
    _ = network.lossAndGradient(
      batch, weights: weights, into: &gradient, scale: 1, accumulate: false
    ) { _, _ in }
    #expect(squares.factors.count == 2 && squares.factors[0] < 1 && squares.factors[1] == 1)
    #expect(!gradient.squaredNorm().isFinite)
  }
}
