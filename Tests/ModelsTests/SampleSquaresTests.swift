import Models
import Testing
import Vectors

/// The squares of each sample's gradient, which a backward pass measures on its way, are those of a
/// batch of that sample alone.
@Suite struct SampleSquaresTests {
  @Test(arguments: ModelCase.all.filter { $0.model().obstacleToSamples == nil })
  func everyModelMeasuresSamples(_ kind: ModelCase) {
    check(kind.model(), count: ModelCase.count) { kind.batch($0, 2) }
  }

  @Test(
    arguments: NetworkTests.compositions.filter { !$0.0.contains("batch-norm") } + bothWays)
  func everyLayerMeasuresSamples(_ layers: String, _ shape: SampleShape) throws {
    let network = try NetworkTests.network(
      layers, shape, loss: shape.targets > 0 ? "squared-error" : "cross-entropy")
    #expect(network.obstacleToSamples == nil)
    check(network, count: 5) { Self.part($0, of: NetworkTests.batch(shape)) }
  }

  /// Rows of a sample few and wide, whose similarities are the fewer operations, and many and
  /// narrow, whose products are.
  static let bothWays: [(String, SampleShape)] = [40, 3].flatMap { length in
    [
      "{ kind = \"embedding\", width = 4 }, { kind = \"lstm\", width = 5 }, { kind = \"gru\", width = 4 }, { kind = \"dense\", width = \"vocabulary\" }",
      "{ kind = \"embedding\", width = 4 }, { kind = \"rnn\", width = 6, bias = \"one\" }, { kind = \"dense\", width = \"vocabulary\" }",
      "{ kind = \"embedding\", width = 4 }, { kind = \"positions\" }, { kind = \"residual\", layers = [{ kind = \"rms-norm\" }, { kind = \"attention\", heads = 2, rotary = true, bias = false }] }, { kind = \"residual\", layers = [{ kind = \"rms-norm\" }, { kind = \"gated\", width = 6 }] }, { kind = \"tied-head\" }",
    ].map { ($0, SampleShape(tokens: length, labels: length, classes: 6)) }
  }

  @Test(arguments: [
    (
      "{ kind = \"dense\", width = 4 }, { kind = \"batch-norm\" }, { kind = \"dense\" }",
      "layer 1 (batch-norm) mixes the samples of a micro-batch, so that none has a gradient by itself"
    )
  ]) func aLayerThatMixesSamplesIsNamed(_ layers: String, _ obstacle: String) throws {
    #expect(try NetworkTests.network(layers, NetworkTests.numbers).obstacleToSamples == obstacle)
  }

  /// Compares the squares, and the gradient that was made with them, with those without.
  private func check(
    _ model: any Model, count: Int, batch: (_ samples: Range<Int>) -> Batch
  ) {
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: 3)
    let start = RandomStream.vector(model.layout, seed: 11)
    func gradient(_ samples: Range<Int>, _ squares: SampleSquares?, accumulate: Bool = false)
      -> FlatVector
    {
      var result = FlatVector(copying: start)
      model.compute.sampleSquares = squares
      defer { model.compute.sampleSquares = nil }
      _ = model.lossAndGradient(
        batch(samples), weights: weights, into: &result, scale: 0.5, accumulate: accumulate
      ) { _, _ in }
      return result
    }
    let truth = (0..<count).map { gradient($0..<$0 + 1, nil).squaredNorm() }
    for accumulate in [false, true] {
      let plain = gradient(0..<count, nil, accumulate: accumulate)
      let size = plain.squaredNorm().squareRoot()
      for mayMakeGradients in [false, true] {
        let squares = SampleSquares(by: model.compute, mayMakeGradients: mayMakeGradients)
        let measured = gradient(0..<count, squares, accumulate: accumulate)
        #expect(squares.sums.count == count)
        for (sample, square) in squares.sums.enumerated() {
          #expect(
            abs(square - truth[sample]) <= 2e-5 * truth[sample],
            "sample \(sample): \(square), not \(truth[sample])")
        }
        var difference = 0.0
        for segment in model.layout.segments {
          for index in segment.range {
            let change = Double(measured.base[index]) - Double(plain.base[index])
            difference += change * change
          }
        }
        #expect(difference.squareRoot() <= (mayMakeGradients ? 1e-6 * size : 0))
      }
    }
  }

  /// Some samples of a batch as one of their own.
  static func part(_ range: Range<Int>, of batch: borrowing Batch) -> Batch {
    var part = Batch(capacity: range.count, shape: batch.shape)
    func copy<T>(_ from: UnsafeMutableBufferPointer<T>, _ to: UnsafeMutableBufferPointer<T>) {
      let each = to.count / range.count
      for index in to.indices { to[index] = from[range.lowerBound * each + index] }
    }
    copy(batch.inputs, part.inputs)
    copy(batch.targets, part.targets)
    copy(batch.tokens, part.tokens)
    copy(batch.labels, part.labels)
    copy(batch.samples, part.samples)
    part.count = range.count
    return part
  }
}

extension RandomStream {
  /// Normal numbers in all tensors.
  static func vector(_ layout: TensorLayout, seed: UInt64) -> FlatVector {
    var random = RandomStream(seed)
    let vector = FlatVector(zeros: layout)
    for segment in layout.segments {
      for index in segment.range { vector.base[index] = Float(random.gaussian()) }
    }
    return vector
  }
}
