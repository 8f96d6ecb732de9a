import CVectorKernels
import ExperimentKeys
import Vectors

/// A transformer that predicts the next token, in nanoGPT's shape: learned positions, layer norm
/// before each branch, exact GELU, no biases, and a head that is the tokens' embedding (Radford et
/// al. 2019).
///
/// Tensors: `transformer.wte.weight [vocabulary, width]`,
/// `transformer.wpe.weight [context, width]`, of each layer `transformer.h.I.ln_1.weight`,
/// `.attn.c_attn.weight`, `.attn.c_proj.weight`, `.ln_2.weight`, `.mlp.c_fc.weight`,
/// `.mlp.c_proj.weight`, and `transformer.ln_f.weight`. The gradient of `wte` is the head's part
/// and the embedding's, so that it is complete last.
public final class GPT: TokenModel {
  public let layout: TensorLayout
  public let compute = ComputeContext()
  public let vocabulary: Int
  /// The most tokens that it looks back at, and a training sample's length.
  public let context: Int
  public let width: Int
  public let heads: Int
  private let blocks: [GPTBlock]
  private let lastNorm: UnbiasedLayerNorm
  private let rows = TokenRows(.bySample)
  /// What the layers keep for the backward pass, one after the other, then what the last norm
  /// keeps.
  private let kept = Workspace()
  private let stream = Workspace()
  private let logits = Workspace()
  private let workspace = Workspace()

  // The first tensors' indices.
  private static let (tokenWeight, positionWeight) = (0, 1)

  public init(vocabulary: Int, context: Int, layers: Int, heads: Int, width: Int) {
    precondition(
      vocabulary > 0 && context > 0 && layers > 0 && heads > 0 && width > 0,
      "a GPT needs tokens, layers, heads and a width")
    precondition(width % heads == 0, "a width of \(width) cannot be divided among \(heads) heads")
    var layout = TensorLayout()
    layout.add("transformer.wte.weight", shape: [vocabulary, width])
    layout.add("transformer.wpe.weight", shape: [context, width])
    let compute = compute
    blocks = (0..<layers).map {
      GPTBlock("transformer.h.\($0)", width: width, heads: heads, in: &layout, by: compute)
    }
    lastNorm = UnbiasedLayerNorm("transformer.ln_f", width: width, in: &layout)
    self.layout = layout
    (self.vocabulary, self.context, self.heads, self.width) = (vocabulary, context, heads, width)
  }

  public func initialize(_ weights: inout FlatVector, seed: UInt64) {
    for tensor in [Self.tokenWeight, Self.positionWeight] {
      weights.fillNormally(tensor, deviation: 0.02, seed: seed)
    }
    for block in blocks { block.initialize(&weights, layers: blocks.count, seed: seed) }
    weights.set(lastNorm.weight, to: repeatElement(1, count: width))
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
    let pass = forward(batch, weights: weights)
    let (samples, length, count) = (pass.samples, pass.length, pass.rows)
    let lossSum = rows.measure(
      logits.base, vocabulary: vocabulary, scale: scale, differentiating: true
    ).lossSum

    // The residual stream is not needed any more: its place takes its gradient.
    let dx = stream.base
    let dLogits = Matrix(logits.base, rows: count, columns: vocabulary)
    let end = lastKept(pass)
    compute.multiply(
      dLogits.transposed, Matrix(end.inputs, rows: count, columns: width),
      into: gradient.pointer(Self.tokenWeight), accumulate: accumulate)
    compute.multiply(
      dLogits, Matrix(weights.pointer(Self.tokenWeight), rows: vocabulary, columns: width),
      into: pass.workspace.narrow)
    dx.update(repeating: 0, count: count * width)
    lastNorm.backward(
      pass.workspace.narrow, normal: end.normal, rows: count, weights: weights, addingTo: dx,
      into: &gradient, accumulate: accumulate,
      finished: finished)
    for index in blocks.indices.reversed() {
      blocks[index].backward(
        dx, samples: samples, length: length, weights: weights, kept: blockKept(index, pass),
        workspace: pass.workspace, into: &gradient,
        accumulate: accumulate, finished: finished)
    }
    let positions = gradient.pointer(Self.positionWeight)
    if !accumulate { positions.update(repeating: 0, count: length * width) }
    for sample in 0..<samples { cvk_add(positions, dx + sample * length * width, length * width) }
    finished(Self.positionWeight, &gradient)
    cvk_add_by_token(gradient.pointer(Self.tokenWeight), dx, rows.tokens, count, width)
    finished(Self.tokenWeight, &gradient)
    return lossSum
  }

  public func evaluate(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Evaluation {
    guard batch.count > 0 else { return Evaluation() }
    _ = forward(batch, weights: weights)
    return rows.measure(logits.base, vocabulary: vocabulary, differentiating: false)
  }

  /// A layer has 12·width² weights, each in three products a token, and six products a pair of
  /// tokens in attention: scores, results, and the gradients of probabilities, values, queries and
  /// keys.
  public func multiplyAdds(samples: Int, of shape: SampleShape) -> Int? {
    let (tokens, pairs) = (samples * context, samples * context * (context + 1) / 2)
    return blocks.count * (36 * tokens * width * width + 6 * pairs * width) + 3 * tokens * width
      * vocabulary
  }

  /// Looks at the last `context` tokens, the first of which is at position 0.
  public func read(_ tokens: [Int32], memory: inout TokenMemory, weights: borrowing FlatVector)
    -> [Float]
  {
    precondition(!tokens.isEmpty, "there is no token to read")
    memory.tokens = Array((memory.tokens.suffix(context) + tokens).suffix(context))
    rows.take(memory.tokens[...], vocabulary: vocabulary)
    let pass = Pass(self, samples: 1, capacity: 1, length: memory.tokens.count)
    run(pass, weights: weights)
    logits.reserve(vocabulary)
    compute.multiply(
      Matrix(lastKept(pass).inputs + (pass.rows - 1) * width, rows: 1, columns: width),
      head(weights), into: logits.base)
    return Array(UnsafeBufferPointer(start: logits.base, count: vocabulary))
  }

  private func head(_ weights: borrowing FlatVector) -> Matrix {
    Matrix(weights.pointer(Self.tokenWeight), rows: vocabulary, columns: width).transposed
  }

  /// One batch's way through the layers: its size, and where the layers work.
  private struct Pass {
    let samples: Int
    let length: Int
    var rows: Int { samples * length }
    let workspace: GPTBlock.Workspace

    init(_ model: GPT, samples: Int, capacity: Int, length: Int) {
      (self.samples, self.length) = (samples, length)
      let (most, width) = (capacity * length, model.width)
      model.stream.reserve(most * width)
      model.kept.reserve(
        model.blocks.count
          * GPTBlock.SavedActivations.count(rows: most, width: width, heads: model.heads) + most
          * (2 * width + 1))
      let tiles = CausalAttention(heads: model.heads, width: width).scratchCount(length: length)
      model.workspace.reserve(tiles + 5 * most * width)
      workspace = GPTBlock.Workspace(
        attention: model.workspace.base, wide: model.workspace.base + tiles,
        narrow: model.workspace.base + tiles + 4 * samples * length * width)
    }
  }

  private func blockKept(_ index: Int, _ pass: Pass) -> GPTBlock.SavedActivations {
    GPTBlock.SavedActivations(
      kept.base + index
        * GPTBlock.SavedActivations.count(rows: pass.rows, width: width, heads: heads),
      rows: pass.rows, width: width)
  }

  private func lastKept(_ pass: Pass) -> (
    inputs: UnsafeMutablePointer<Float>, normal: UnbiasedLayerNorm.Normal
  ) {
    let base =
      kept.base + blocks.count
      * GPTBlock.SavedActivations.count(rows: pass.rows, width: width, heads: heads)
    let area = pass.rows * width
    return (base, UnbiasedLayerNorm.Normal(values: base + area, inverse: base + 2 * area))
  }

  private func forward(_ batch: borrowing Batch, weights: borrowing FlatVector) -> Pass {
    precondition(
      batch.shape.tokens == context,
      "samples of \(batch.shape.tokens) tokens cannot go into a model of \(context)")
    rows.take(batch, vocabulary: vocabulary)
    let pass = Pass(self, samples: batch.count, capacity: batch.capacity, length: context)
    run(pass, weights: weights)
    logits.reserve(batch.capacity * context * vocabulary)
    compute.multiply(
      Matrix(lastKept(pass).inputs, rows: pass.rows, columns: width), head(weights),
      into: logits.base)
    return pass
  }

  private func run(_ pass: Pass, weights: borrowing FlatVector) {
    precondition(
      weights.count == layout.elementCount,
      "the weights have \(weights.count) elements, not \(layout.elementCount)")
    let x = stream.base
    cvk_embed(
      x, weights.pointer(Self.tokenWeight), weights.pointer(Self.positionWeight), rows.tokens,
      pass.rows, pass.length, width)
    for (index, block) in blocks.enumerated() {
      block.forward(
        x, samples: pass.samples, length: pass.length, weights: weights,
        kept: blockKept(index, pass), workspace: pass.workspace)
    }
    let end = lastKept(pass)
    lastNorm.forward(x, rows: pass.rows, weights: weights, normal: end.normal, into: end.inputs)
  }
}

/// `model.kind = "gpt"`; its context is the data's.
public struct GPTKind: ModelKind {
  public static let kind = "gpt"
  public static let summary =
    "Texts through a transformer of nanoGPT's shape; its context is the data's."
  public static let usualData: String? = "text"
  public let layers: Int
  public let heads: Int
  public let width: Int

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    layers = try keys.integer("layers", default: 4, in: 1...(1 << 10), "blocks")
    heads = try keys.integer(
      "heads", default: 4, in: 1...(1 << 10), "heads of attention; they divide the width")
    width = try keys.integer("width", default: 128, in: 1...(1 << 14), "width of a token's vector")
    guard width % heads == 0 else {
      throw keys.error("width", "a width of \(width) cannot be divided among \(heads) heads")
    }
  }

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    GPT(
      vocabulary: try vocabulary(samples), context: samples.tokens, layers: layers, heads: heads,
      width: width)
  }
}
