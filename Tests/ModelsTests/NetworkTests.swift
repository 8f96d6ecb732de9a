import BuiltInModels
import ExperimentKeys
import Glibc
import Models
import Testing
import Vectors

/// Networks of layers: gradients against differences of their loss, names of tensors, and what is
/// refused.
@Suite struct NetworkTests {
  static let image = SampleShape(
    inputs: 3 * 8 * 6, labels: 1, classes: 4, image: .init(channels: 3, height: 8, width: 6))
  static let gray = SampleShape(
    inputs: 64, labels: 1, classes: 4, image: .init(height: 8, width: 8))
  static let numbers = SampleShape(inputs: 9, labels: 1, classes: 4)
  static let targets = SampleShape(inputs: 9, targets: 3)

  static func batch(_ shape: SampleShape, count: Int = 5) -> Batch {
    var batch = Batch(capacity: count, shape: shape)
    var random = RandomStream(5)
    for index in batch.inputs.indices { batch.inputs[index] = Float(random.gaussian()) }
    for index in batch.targets.indices { batch.targets[index] = Float(random.gaussian()) }
    for values in [batch.tokens, batch.labels] {
      for index in values.indices {
        values[index] = Int32(random.integer(below: UInt64(shape.classes)))
      }
    }
    for row in 0..<count { batch.samples[row] = UInt32(row) }
    batch.count = count
    return batch
  }

  /// A network of an experiment file's list.
  static func network(_ layers: String, _ shape: SampleShape, loss: String = "cross-entropy") throws
    -> Network
  {
    var reader = try ExperimentReader(
      text: "[model]\nloss = \"\(loss)\"\nlayers = [\(layers)]", source: "test", overrides: [])
    try reader.enter("model")
    let kind = try NetworkKind(&reader)
    _ = try reader.finish()
    return try Network(kind.layers, loss: kind.loss, for: shape, seed: 1)
  }

  /// Which tensors are no hidden layer's: by them optimisers know an embedding and a head.
  @Test func embeddingsAndHeadsAreMarked() throws {
    func marked(_ layout: TensorLayout) -> [String: TensorLayout.Role] {
      Dictionary(
        uniqueKeysWithValues: layout.segments.filter { $0.role != .hidden }.map {
          ($0.name, $0.role)
        })
    }
    let text = SampleShape(tokens: 6, labels: 6, classes: 11)
    let open = try Self.network(
      "{ kind = \"embedding\", width = 8 }, { kind = \"positions\" }, { kind = \"gru\", width = 8 }, { width = \"vocabulary\" }",
      text)
    #expect(
      marked(open.layout) == ["0.weight": .embedding, "1.weight": .embedding, "3.weight": .head])
    let tied = Network.gpt(vocabulary: 11, context: 6, layers: 1, heads: 2, width: 8)
    #expect(
      marked(tied.layout) == [
        "transformer.wte.weight": .head, "transformer.wpe.weight": .embedding,
      ])
    #expect(
      marked(Network.mlp(inputWidth: 9, hidden: [8], outputWidth: 4).layout)
        == ["layers.1.weight": .head])
    let pooled = try Self.network(
      "{ kind = \"conv\", channels = 3 }, { kind = \"relu\" }, { kind = \"conv\", channels = 4 }, { kind = \"batch-norm\" }, { kind = \"global-average-pool\" }",
      Self.gray)
    #expect(marked(pooled.layout) == ["2.weight": .head])
    #expect(
      marked(Policy(hidden: [5], seed: 1).layout) == [
        "policy.layers.1.weight": .head, "value.layers.1.weight": .head,
      ])
  }

  static let compositions: [(String, SampleShape)] = [
    ("{ width = 8, activation = \"tanh\" }, { width = \"classes\" }", numbers),
    (
      "{ kind = \"dense\", width = 8 }, { kind = \"sigmoid\" }, { kind = \"dense\", width = 6 }, { kind = \"gelu\" }, { kind = \"layer-norm\" }, { kind = \"silu\" }, { kind = \"dense\" }",
      numbers
    ),
    (
      "{ kind = \"dense\", width = 7 }, { kind = \"softplus\" }, { kind = \"rms-norm\" }, { kind = \"tanh\" }, { kind = \"dropout\", rate = 0.3 }, { kind = \"dense\", width = \"targets\" }",
      targets
    ),
    (
      "{ kind = \"dense\", width = 6 }, { kind = \"residual\", layers = [{ kind = \"tanh\" }, { kind = \"dense\", width = 6 }] }, { kind = \"residual\", layers = [{ kind = \"dense\", width = 5, activation = \"tanh\" }], shortcut = [{ kind = \"dense\", width = 5 }] }, { kind = \"dense\" }",
      numbers
    ),
    (
      "{ kind = \"dense\", width = 6 }, { kind = \"repeat\", count = 3, layers = [{ kind = \"residual\", layers = [{ kind = \"layer-norm\", bias = false }, { kind = \"residual\", layers = [{ kind = \"dense\", width = 6 }, { kind = \"gelu\" }] }] }] }, { kind = \"dense\" }",
      numbers
    ),
    (
      "{ kind = \"conv\", channels = 5, padding = 1 }, { kind = \"tanh\" }, { kind = \"max-pool\" }, { kind = \"flatten\" }, { kind = \"dense\" }",
      gray
    ),
    (
      "{ kind = \"conv\", channels = 6, kernel = 3, padding = 1, stride = 2 }, { kind = \"group-norm\", groups = 3 }, { kind = \"gelu\" }, { kind = \"conv\", channels = 8, kernel = 3, padding = 1, groups = 2, bias = false }, { kind = \"average-pool\", size = 2 }, { kind = \"global-average-pool\" }, { kind = \"dense\" }",
      image
    ),
    (
      "{ kind = \"conv\", channels = 6, kernel = 1 }, { kind = \"residual\", layers = [{ kind = \"tanh\" }, { kind = \"conv\", channels = 6, padding = 1 }] }, { kind = \"residual\", layers = [{ kind = \"conv\", channels = 4, padding = 1, stride = 2 }], shortcut = [{ kind = \"conv\", channels = 4, kernel = 1, stride = 2 }] }, { kind = \"max-pool\", size = 3, stride = 2, padding = 1 }, { kind = \"flatten\" }, { kind = \"dense\" }",
      image
    ),
    (
      "{ kind = \"conv\", channels = 6, padding = 1, bias = false }, { kind = \"batch-norm\" }, { kind = \"tanh\" }, { kind = \"residual\", layers = [{ kind = \"batch-norm\" }, { kind = \"gelu\" }, { kind = \"conv\", channels = 6, padding = 1 }] }, { kind = \"global-average-pool\" }, { kind = \"dense\" }",
      image
    ),
    (
      "{ kind = \"batch-norm\" }, { kind = \"tanh\" }, { kind = \"dense\", width = 6, bias = false, activation = \"sigmoid\" }, { kind = \"dense\", width = 6, bias = false }, { kind = \"batch-norm\" }, { kind = \"tanh\" }, { kind = \"dense\", width = \"targets\" }",
      targets
    ),
    (
      "{ kind = \"embedding\", width = 8 }, { kind = \"positions\" }, { kind = \"residual\", layers = [{ kind = \"layer-norm\" }, { kind = \"attention\", heads = 2 }] }, { kind = \"tied-head\" }",
      text
    ),
    (
      "{ kind = \"embedding\", width = 8 }, { kind = \"repeat\", count = 2, layers = [{ kind = \"residual\", layers = [{ kind = \"rms-norm\" }, { kind = \"attention\", heads = 2, rotary = true, bias = false }] }, { kind = \"residual\", layers = [{ kind = \"rms-norm\" }, { kind = \"gated\", width = 10 }] }] }, { kind = \"dense\", width = \"vocabulary\" }",
      text
    ),
    (
      "{ kind = \"embedding\", width = 8 }, { kind = \"attention\", heads = 4, causal = false, rotary = true }, { kind = \"dense\", width = \"vocabulary\" }",
      text
    ),
    (
      "{ kind = \"embedding\", width = 5 }, { kind = \"lstm\", width = 7, bias = \"one\" }, { kind = \"gru\", width = 6, bias = \"one\" }, { kind = \"rnn\", width = 6, bias = \"one\" }, { kind = \"dense\", width = \"vocabulary\" }",
      text
    ),
    (
      "{ kind = \"embedding\", width = 6 }, { kind = \"lstm\", width = 6 }, { kind = \"residual\", layers = [{ kind = \"layer-norm\" }, { kind = \"dense\", width = 6, bias = false }, { kind = \"silu\" }] }, { kind = \"tied-head\" }",
      text
    ),
    (
      "{ kind = \"conv\", channels = 5, padding = 1, bias = false }, { kind = \"gelu\" }, { kind = \"conv\", channels = 4, padding = 1 }, { kind = \"sigmoid\" }, { kind = \"flatten\" }, { kind = \"dense\" }",
      image
    ),
    (
      "{ kind = \"embedding\", width = 5 }, { kind = \"rnn\", width = 7 }, { kind = \"lstm\", width = 6, layers = 2, dropout = 0.2 }, { kind = \"gru\", width = 6 }, { kind = \"dense\", width = \"vocabulary\" }",
      text
    ),
  ]
  static let text = SampleShape(tokens: 7, labels: 7, classes: 6)

  @Test(arguments: compositions.indices) func gradientsAreThoseOfTheLoss(_ index: Int) throws {
    let (layers, shape) = Self.compositions[index]
    let network = try Self.network(
      layers, shape, loss: shape.targets > 0 ? "squared-error" : "cross-entropy")
    let batch = Self.batch(shape)
    var weights = FlatVector(zeros: network.layout)
    network.initialize(&weights, seed: 3)
    let check = checkGradients(of: network, on: batch, at: weights)
    for result in check.results where result.error > 0.01 {
      Issue.record("\(result.tensor): \(result.difference), not \(result.slope)")
    }
    // Accumulating adds, and every tensor is finished once, last to first.
    var once = FlatVector(zeros: network.layout)
    var twice = FlatVector(zeros: network.layout)
    for segment in network.layout.segments {
      for place in segment.range { once.base[place] = .nan }
    }
    var order: [Int] = []
    let loss = network.lossAndGradient(
      batch, weights: weights, into: &once, scale: 1, accumulate: false
    ) { tensor, _ in order.append(tensor) }
    #expect(order == Array(network.layout.segments.indices.reversed()))
    for _ in 0..<2 {
      #expect(
        network.lossAndGradient(
          batch, weights: weights, into: &twice, scale: 1, accumulate: true
        ) { _, _ in } == loss)
    }
    for place in 0..<once.count {
      #expect(abs(twice.base[place] - 2 * once.base[place]) <= 1e-5 * abs(once.base[place]) + 1e-6)
    }
  }

  /// A new network, with memory that held something else, gives the same bits.
  @Test(arguments: compositions.indices) func gradientsDependOnTheirInputsAlone(_ index: Int) throws
  {
    let (layers, shape) = Self.compositions[index]
    let batch = Self.batch(shape)
    var reference: [Float]?
    for round in 0..<12 {
      // What an allocation finds, and what it may read by mistake.
      let garbage = (0..<40).map { size in
        let block = UnsafeMutablePointer<Float>.allocate(capacity: 64 << (size % 10))
        block.update(repeating: Float(round + 1), count: 64 << (size % 10))
        return block
      }
      for block in garbage { block.deallocate() }
      let network = try Self.network(
        layers, shape, loss: shape.targets > 0 ? "squared-error" : "cross-entropy")
      var weights = FlatVector(zeros: network.layout)
      network.initialize(&weights, seed: 3)
      var gradient = FlatVector(zeros: network.layout)
      _ = network.lossAndGradient(
        batch, weights: weights, into: &gradient, scale: 1, accumulate: false
      ) { _, _ in }
      let values = Array(UnsafeBufferPointer(start: gradient.base, count: gradient.count))
      #expect(values == reference ?? values, "in round \(round)")
      reference = reference ?? values
    }
  }

  /// What is computed again has the same bits, and less is kept.
  @Test(
    arguments: [
      (
        "{ kind = \"embedding\", width = 8 }, { kind = \"positions\" }, { kind = \"repeat\", count = 6, R, layers = [{ kind = \"residual\", R, layers = [{ kind = \"layer-norm\" }, { kind = \"attention\", heads = 2 }] }, { kind = \"residual\", layers = [{ kind = \"rms-norm\" }, { kind = \"dense\", width = 32, activation = \"tanh\" }, { kind = \"gelu\" }, { kind = \"dropout\", rate = 0.1 }, { kind = \"dense\", width = 8 }] }] }, { kind = \"tied-head\" }",
        text, 2.0
      ),
      (
        "{ kind = \"conv\", channels = 6, padding = 1 }, { kind = \"relu\" }, { kind = \"residual\", R, layers = [{ kind = \"conv\", channels = 6, padding = 1 }, { kind = \"batch-norm\" }, { kind = \"relu\" }, { kind = \"conv\", channels = 6, padding = 1 }] }, { kind = \"relu\" }, { kind = \"residual\", R, layers = [{ kind = \"gelu\" }, { kind = \"group-norm\", groups = 2 }, { kind = \"conv\", channels = 4, padding = 1, stride = 2 }], shortcut = [{ kind = \"conv\", channels = 4, kernel = 1, stride = 2 }] }, { kind = \"flatten\" }, { kind = \"dense\" }",
        image, 1.2
      ),
      (
        "{ kind = \"repeat\", count = 3, R, layers = [{ kind = \"dense\", width = 9 }, { kind = \"layer-norm\" }, { kind = \"tanh\" }, { kind = \"relu\" }] }",
        SampleShape(inputs: 9, targets: 9), 1.2
      ),
    ] as [(String, SampleShape, Double)])
  func whatIsComputedAgainHasTheSameBits(_ layers: String, _ shape: SampleShape, _ less: Double)
    throws
  {
    func gradient(_ recompute: String) throws -> (bits: [UInt32], loss: Double, bytes: Int) {
      let network = try Self.network(
        layers.replacing("R, ", with: recompute), shape,
        loss: shape.targets > 0 ? "squared-error" : "cross-entropy")
      var weights = FlatVector(zeros: network.layout)
      network.initialize(&weights, seed: 3)
      var gradient = FlatVector(zeros: network.layout)
      let loss = network.lossAndGradient(
        Self.batch(shape), weights: weights, into: &gradient, scale: 1, accumulate: true
      ) { _, _ in }
      return (
        (0..<gradient.count).map { gradient.base[$0].bitPattern }, loss, network.activationBytes
      )
    }
    let (kept, again) = (try gradient(""), try gradient("recompute = true, "))
    #expect(kept.bits == again.bits && kept.loss == again.loss)
    #expect(Double(kept.bytes) > less * Double(again.bytes), "\(kept.bytes) and \(again.bytes)")
  }

  @Test func tensorsAreNamedAsInAList() throws {
    let network = try Self.network(
      "{ width = 6 }, { kind = \"repeat\", count = 2, layers = [{ kind = \"residual\", layers = [{ kind = \"tanh\" }, { kind = \"dense\", width = 6 }], shortcut = [{ kind = \"dense\", width = 6 }] }] }, { name = \"head\" }",
      Self.numbers)
    #expect(
      network.layout.segments.map(\.name) == [
        "0.weight", "0.bias", "1.0.0.layers.1.weight", "1.0.0.layers.1.bias",
        "1.0.0.shortcut.0.weight", "1.0.0.shortcut.0.bias", "1.1.0.layers.1.weight",
        "1.1.0.layers.1.bias", "1.1.0.shortcut.0.weight", "1.1.0.shortcut.0.bias", "head.weight",
        "head.bias",
      ])
    let swift = try Network(for: Self.numbers) {
      Dense(6)
      for _ in 0..<1 {
        Residual {
          Tanh(); Dense(6)
        }
      }
      Dense(.classes).named("head")
    }
    #expect(
      swift.layout.segments.map(\.name) == [
        "0.weight", "0.bias", "1.layers.1.weight", "1.layers.1.bias", "head.weight", "head.bias",
      ])
  }

  /// The table of layers has those that were listed, though neighbours compute as one.
  @Test func mergedLayersAreListed() throws {
    let network = try Self.network(
      "{ width = 8 }, { kind = \"gelu\" }, { kind = \"residual\", layers = [{ width = 8 }] }, { }",
      Self.numbers)
    #expect(network.layerSummaries.map(\.path) == ["0", "1", "2.layers.0", "2", "3"])
    #expect(network.layerSummaries.map(\.parameters) == [80, 0, 72, 0, 36])
  }

  /// What follows a text is what its last label's loss is of, whichever way the layers read it.
  @Test(arguments: [
    "{ kind = \"embedding\", width = 5 }, { kind = \"lstm\", width = 7 }, { kind = \"gru\", width = 6, layers = 2 }, { kind = \"dense\", width = \"vocabulary\" }",
    "{ kind = \"embedding\", width = 6 }, { kind = \"rnn\", width = 6 }, { kind = \"attention\", heads = 2 }, { kind = \"tied-head\" }",
  ]) func textsAreReadOn(_ layers: String) throws {
    let network = try Self.network(layers, Self.text)
    var weights = FlatVector(zeros: network.layout)
    network.initialize(&weights, seed: 3)
    let batch = Self.batch(Self.text, count: 1)
    for place in 0..<6 { batch.labels[place] = -1 }
    var memory = TokenMemory()
    var logits: [Float] = []
    for token in batch.tokens {
      logits = network.read([token], memory: &memory, weights: weights)
    }
    let largest = Double(logits.max()!)
    let sum = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
    let loss = log(sum) + largest - Double(logits[Int(batch.labels[6])])
    #expect(abs(network.evaluate(batch, weights: weights).lossSum - loss) < 1e-5)
  }
}
