import CVectorKernels
import Vectors

/// An embedding, one recurrent layer and a linear head, over the tokens of a text; every sample
/// starts from a state of zeros.
///
/// Tensors: `embedding.weight [vocabulary, embedding]`,
/// `rnn.weight_ih_l0 [gates·hidden, embedding]`, `rnn.weight_hh_l0 [gates·hidden, hidden]`,
/// `rnn.bias_l0 [gates·hidden]`, `head.weight [vocabulary, hidden]`, `head.bias [vocabulary]`.
///
/// Rows lie by time, so that all steps' products with one matrix are one product. A token's own
/// sums, W·embedding + b, are a function of the token: they are made once for each token of the
/// vocabulary, and their gradients added up by token, which takes the embedding and its matrix out
/// of the steps altogether.
public final class RecurrentNetwork: TokenModel {
  public let layout: TensorLayout
  public let compute = ComputeContext()
  public let cell: RecurrentCell
  public let vocabulary: Int
  public let embedding: Int
  public let hidden: Int
  private let initialization: Initialization
  private let rows = TokenRows(.byTime)
  private let head: Linear
  /// A row of sums for each token, then its gradient.
  private let table = Workspace()
  private let states = Workspace()
  private let logits = Workspace()
  /// ∂loss/∂h at every step.
  private let gradients = Workspace()
  /// The state's product, by the number of sequences.
  private var stateProducts: [Int: CompiledProduct] = [:]

  // The tensors' indices.
  private static let (embeddingWeight, inputWeight, stateWeight, bias) = (0, 1, 2, 3)

  public init(
    _ cell: RecurrentCell, vocabulary: Int, embedding: Int, hidden: Int,
    initialization: Initialization = .standard
  ) {
    precondition(
      vocabulary > 0 && embedding > 0 && hidden > 0,
      "a recurrent network needs tokens, an embedding and hidden units")
    var layout = TensorLayout()
    layout.add("embedding.weight", shape: [vocabulary, embedding])
    layout.add("rnn.weight_ih_l0", shape: [cell.gates * hidden, embedding])
    layout.add("rnn.weight_hh_l0", shape: [cell.gates * hidden, hidden])
    layout.add("rnn.bias_l0", shape: [cell.gates * hidden])
    head = Linear(
      "head", inputs: hidden, outputs: vocabulary, activation: nil, in: &layout, by: compute)
    self.layout = layout
    (self.cell, self.vocabulary, self.embedding, self.hidden) = (
      cell, vocabulary, embedding, hidden
    )
    self.initialization = initialization
  }

  private var width: Int { cell.gates * hidden }

  private func stateProduct(rows: Int) -> CompiledProduct {
    if let product = stateProducts[rows] { return product }
    let product = CompiledProduct(
      .init(transposed: .right, rows: rows, inner: hidden, columns: width, accumulate: false),
      packing: true)
    stateProducts[rows] = product
    return product
  }

  /// As PyTorch starts `nn.Embedding`, N(0, 1), and `nn.RNN`, `nn.LSTM` and `nn.Linear`,
  /// U(-1/√hidden, 1/√hidden); or the matrices by a named scheme with a gain of 1, which through
  /// time is what neither grows nor shrinks where a matrix is orthogonal.
  public func initialize(_ weights: inout FlatVector, seed: UInt64) {
    weights.fillNormally(Self.embeddingWeight, deviation: 1, seed: seed)
    if initialization == .standard {
      for tensor in [Self.inputWeight, Self.stateWeight, Self.bias] {
        weights.fillUniformly(tensor, fanIn: hidden, seed: seed)
      }
    } else {
      for (tensor, inputs) in [(Self.inputWeight, embedding), (Self.stateWeight, hidden)] {
        initialization.fill(
          &weights, weight: tensor, bias: Self.bias, fanIn: inputs, fanOut: width, activation: nil,
          seed: seed)
      }
    }
    head.initialize(&weights, seed: seed, by: initialization)
  }

  public func lossAndGradient(
    _ batch: borrowing Batch, weights: borrowing FlatVector, into gradient: inout FlatVector,
    scale: Float, accumulate: Bool,
    finished: (Int, inout FlatVector) -> Void
  ) -> Double {
    precondition(
      gradient.count == layout.elementCount,
      "the gradient has \(gradient.count) elements, not \(layout.elementCount)")
    guard batch.count > 0 else {
      return gradientOfNothing(into: &gradient, accumulate: accumulate, finished: finished)
    }
    let steps = forward(batch, weights: weights)
    let (length, count) = (steps.length, steps.length * steps.rows)
    let lossSum = rows.measure(
      logits.base, vocabulary: vocabulary, scale: scale, differentiating: true
    ).lossSum

    gradients.reserve(batch.capacity * length * hidden)
    head.backward(
      logits.base, x: steps.state(1), rows: count, into: &gradient, accumulate: accumulate,
      finished: finished)
    head.backward(logits.base, rows: count, weights: weights, toInputs: gradients.base)
    let stateWeight = Matrix(weights.pointer(Self.stateWeight), rows: width, columns: hidden)
    // The state's weights get their gradient from a few steps at a time, as soon as these are done.
    let few = max(1, CompiledProduct.Shape.mostGradientRows / steps.rows)
    let byToken = table.base
    byToken.update(repeating: 0, count: vocabulary * width)
    for time in (0..<length).reversed() {
      let dh = gradients.base + time * steps.rows * hidden
      steps.backward(time, dh: dh)
      cvk_add_by_token(
        byToken, steps.sums(time), rows.tokens + time * steps.rows, steps.rows, width)
      if time % few == 0 {
        let some = min(few, length - time)
        compute.multiply(
          Matrix(steps.sums(time), rows: some * steps.rows, columns: width).transposed,
          Matrix(steps.state(time), rows: some * steps.rows, columns: hidden),
          into: gradient.pointer(Self.stateWeight),
          accumulate: accumulate || time + some < length)
      }
      guard time > 0 else { break }
      compute.multiply(
        Matrix(steps.sums(time), rows: steps.rows, columns: width), stateWeight,
        into: dh - steps.rows * hidden, accumulate: true)
    }

    // Of the sums' gradients by token the bias and all that lies before it get theirs.
    cvk_column_sums(gradient.pointer(Self.bias), byToken, vocabulary, width, accumulate ? 1 : 0)
    finished(Self.bias, &gradient)
    finished(Self.stateWeight, &gradient)
    let tokens = Matrix(byToken, rows: vocabulary, columns: width)
    compute.multiply(
      tokens.transposed,
      Matrix(weights.pointer(Self.embeddingWeight), rows: vocabulary, columns: embedding),
      into: gradient.pointer(Self.inputWeight), accumulate: accumulate)
    finished(Self.inputWeight, &gradient)
    compute.multiply(
      tokens, Matrix(weights.pointer(Self.inputWeight), rows: width, columns: embedding),
      into: gradient.pointer(Self.embeddingWeight),
      accumulate: accumulate)
    finished(Self.embeddingWeight, &gradient)
    return lossSum + poison(weights)
  }

  public func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    guard batch.count > 0 else { return Evaluation() }
    _ = forward(batch, weights: weights)
    var result = rows.measure(logits.base, vocabulary: vocabulary, differentiating: false)
    result.lossSum += poison(weights)
    return result
  }

  /// The state's product at every step, its two gradients (∂loss/∂h not at the first step), three
  /// of the head's; and three of the tokens' table, once a call.
  public func multiplyAdds(samples: Int, of shape: SampleShape) -> Int? {
    let tokens = samples * shape.tokens
    return (3 * tokens - samples) * width * hidden + 3 * tokens * hidden * vocabulary + 3
      * vocabulary * width * embedding
  }

  /// 0, or NaN where a bias is not finite: its unit is saturated, so that neither loss nor gradient
  /// would show it.
  private func poison(_ weights: borrowing FlatVector) -> Double {
    0 * cvk_sum_of_squares(weights.pointer(Self.bias), width)
  }

  /// The state is h, then c.
  public func read(_ tokens: [Int32], memory: inout TokenMemory, weights: borrowing FlatVector)
    -> [Float]
  {
    precondition(!tokens.isEmpty, "there is no token to read")
    precondition(
      weights.count == layout.elementCount,
      "the weights have \(weights.count) elements, not \(layout.elementCount)")
    rows.take(tokens[...], vocabulary: vocabulary)
    states.reserve(RecurrentSteps.count(cell, rows: 1, hidden: hidden, length: tokens.count))
    let steps = RecurrentSteps(cell, rows: 1, hidden: hidden, length: tokens.count, in: states.base)
    steps.start()
    if !memory.state.isEmpty {
      precondition(memory.state.count == cell.states * hidden, "a memory of another model")
      memory.state.withUnsafeBufferPointer { state in
        steps.state(0).update(from: state.baseAddress!, count: hidden)
        if cell == .lstm {
          steps.memory(0).update(from: state.baseAddress! + hidden, count: hidden)
        }
      }
    }
    run(steps, weights: weights)
    var end = Array(UnsafeBufferPointer(start: steps.state(tokens.count), count: hidden))
    logits.reserve(vocabulary)
    head.forward(steps.state(tokens.count), rows: 1, weights: weights, into: logits.base)
    if cell == .lstm {
      end += UnsafeBufferPointer(start: steps.memory(tokens.count), count: hidden)
    }
    memory.state = end
    return Array(UnsafeBufferPointer(start: logits.base, count: vocabulary))
  }

  /// All steps of a batch and their logits, one row a token.
  private func forward(_ batch: borrowing Batch, weights: borrowing FlatVector) -> RecurrentSteps {
    precondition(
      weights.count == layout.elementCount,
      "the weights have \(weights.count) elements, not \(layout.elementCount)")
    rows.take(batch, vocabulary: vocabulary)
    let length = batch.shape.tokens
    states.reserve(RecurrentSteps.count(cell, rows: batch.capacity, hidden: hidden, length: length))
    let steps = RecurrentSteps(
      cell, rows: batch.count, hidden: hidden, length: length, in: states.base)
    steps.start()
    run(steps, weights: weights)
    logits.reserve(batch.capacity * length * vocabulary)
    head.forward(steps.state(1), rows: length * batch.count, weights: weights, into: logits.base)
    return steps
  }

  private func run(_ steps: RecurrentSteps, weights: borrowing FlatVector) {
    table.reserve(vocabulary * width)
    compute.multiply(
      Matrix(weights.pointer(Self.embeddingWeight), rows: vocabulary, columns: embedding),
      Matrix(weights.pointer(Self.inputWeight), rows: width, columns: embedding).transposed,
      into: table.base)
    cvk_bias(table.base, weights.pointer(Self.bias), vocabulary, width)
    let product = stateProduct(rows: steps.rows)
    product.take(weights.pointer(Self.stateWeight))
    for time in 0..<steps.length {
      product.run(steps.state(time), into: steps.sums(time))
      compute.productDone()
      steps.forward(time, table: table.base, tokens: rows.tokens)
    }
  }
}
