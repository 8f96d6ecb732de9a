import CVectorKernels
import Vectors

/// One layer of a GPT: x += attention(norm(x)), then x += W₂·GELU(W₁·norm(x)).
struct GPTBlock {
  private let firstNorm: UnbiasedLayerNorm
  private let mix: Projection
  private let attention: CausalAttention
  private let unmix: Projection
  private let secondNorm: UnbiasedLayerNorm
  private let widen: Projection
  private let narrow: Projection
  private let compute: ComputeContext

  /// Adds the layer's tensors to a layout, under nanoGPT's names.
  init(
    _ name: String, width: Int, heads: Int, in layout: inout TensorLayout,
    by compute: ComputeContext
  ) {
    firstNorm = UnbiasedLayerNorm("\(name).ln_1", width: width, in: &layout)
    mix = Projection(
      "\(name).attn.c_attn", inputs: width, outputs: 3 * width, in: &layout, by: compute)
    attention = CausalAttention(heads: heads, width: width)
    self.compute = compute
    unmix = Projection(
      "\(name).attn.c_proj", inputs: width, outputs: width, in: &layout, by: compute)
    secondNorm = UnbiasedLayerNorm("\(name).ln_2", width: width, in: &layout)
    widen = Projection(
      "\(name).mlp.c_fc", inputs: width, outputs: 4 * width, in: &layout, by: compute)
    narrow = Projection(
      "\(name).mlp.c_proj", inputs: 4 * width, outputs: width, in: &layout, by: compute)
  }

  private var width: Int { firstNorm.width }

  /// As nanoGPT does: N(0, 0.02), and for the two that end a residual branch less by √(2·layers),
  /// so that the stream's variance does not grow with the layers (Radford et al. 2019).
  func initialize(_ weights: inout FlatVector, layers: Int, seed: UInt64) {
    for norm in [firstNorm, secondNorm] {
      weights.set(norm.weight, to: repeatElement(1, count: width))
    }
    for layer in [mix, widen] { weights.fillNormally(layer.weight, deviation: 0.02, seed: seed) }
    for layer in [unmix, narrow] {
      weights.fillNormally(
        layer.weight, deviation: 0.02 / Double(2 * layers).squareRoot(), seed: seed)
    }
  }

  /// What the forward pass leaves for the backward pass, rows × the width times a factor each.
  struct SavedActivations {
    private let base: UnsafeMutablePointer<Float>
    private let area: Int
    private let rows: Int

    /// How many values are kept of `rows` tokens.
    static func count(rows: Int, width: Int, heads: Int) -> Int {
      rows * (16 * width + 2 + 2 * heads)
    }

    init(_ base: UnsafeMutablePointer<Float>, rows: Int, width: Int) {
      (self.base, self.rows, area) = (base, rows, rows * width)
    }

    var firstInputs: UnsafeMutablePointer<Float> { base }
    var mixed: UnsafeMutablePointer<Float> { base + area }
    var attended: UnsafeMutablePointer<Float> { base + 4 * area }
    var secondInputs: UnsafeMutablePointer<Float> { base + 5 * area }
    /// What goes into the GELU, then its derivative there.
    var slopes: UnsafeMutablePointer<Float> { base + 6 * area }
    var bent: UnsafeMutablePointer<Float> { base + 10 * area }
    var firstNormal: UnbiasedLayerNorm.Normal {
      .init(values: base + 14 * area, inverse: base + 16 * area)
    }
    var secondNormal: UnbiasedLayerNorm.Normal {
      .init(values: base + 15 * area, inverse: base + 16 * area + rows)
    }
    var statistics: UnsafeMutablePointer<Float> { base + 16 * area + 2 * rows }
  }

  /// The scratch of a pass: attention's, then rows × 4·width and rows × width values.
  struct Workspace {
    let attention: UnsafeMutablePointer<Float>
    let wide: UnsafeMutablePointer<Float>
    let narrow: UnsafeMutablePointer<Float>
  }

  /// `x` is samples·length × width, and is changed in place.
  func forward(
    _ x: UnsafeMutablePointer<Float>, samples: Int, length: Int, weights: borrowing FlatVector,
    kept: SavedActivations, workspace: Workspace
  ) {
    let rows = samples * length
    firstNorm.forward(
      x, rows: rows, weights: weights, normal: kept.firstNormal, into: kept.firstInputs)
    mix.forward(kept.firstInputs, rows: rows, weights: weights, into: kept.mixed)
    attention.forward(
      kept.mixed, samples: samples, length: length, statistics: kept.statistics,
      scratch: workspace.attention, into: kept.attended)
    unmix.forward(kept.attended, rows: rows, weights: weights, into: x, accumulate: true)
    secondNorm.forward(
      x, rows: rows, weights: weights, normal: kept.secondNormal, into: kept.secondInputs)
    widen.forward(kept.secondInputs, rows: rows, weights: weights, into: kept.slopes)
    cvk_gelu(kept.bent, kept.slopes, rows * 4 * width)
    narrow.forward(kept.bent, rows: rows, weights: weights, into: x, accumulate: true)
  }

  /// `dx` is ∂loss/∂ the layer's results, and becomes ∂loss/∂ its inputs.
  func backward(
    _ dx: UnsafeMutablePointer<Float>, samples: Int, length: Int, weights: borrowing FlatVector,
    kept: SavedActivations, workspace: Workspace,
    into gradient: inout FlatVector, accumulate: Bool, finished: (Int, inout FlatVector) -> Void
  ) {
    let rows = samples * length
    narrow.backward(
      dx, x: kept.bent, rows: rows, into: &gradient, accumulate: accumulate, finished: finished)
    narrow.backward(dx, rows: rows, weights: weights, toInputs: workspace.wide)
    cvk_multiply(workspace.wide, kept.slopes, rows * 4 * width)
    widen.backward(
      workspace.wide, x: kept.secondInputs, rows: rows, into: &gradient, accumulate: accumulate,
      finished: finished)
    widen.backward(workspace.wide, rows: rows, weights: weights, toInputs: workspace.narrow)
    secondNorm.backward(
      workspace.narrow, normal: kept.secondNormal, rows: rows, weights: weights, addingTo: dx,
      into: &gradient, accumulate: accumulate,
      finished: finished)

    unmix.backward(
      dx, x: kept.attended, rows: rows, into: &gradient, accumulate: accumulate, finished: finished)
    unmix.backward(dx, rows: rows, weights: weights, toInputs: workspace.narrow)
    attention.backward(
      workspace.narrow, mixed: kept.mixed, y: kept.attended, samples: samples, length: length,
      statistics: kept.statistics,
      scratch: workspace.attention, into: workspace.wide, by: compute)
    mix.backward(
      workspace.wide, x: kept.firstInputs, rows: rows, into: &gradient, accumulate: accumulate,
      finished: finished)
    mix.backward(workspace.wide, rows: rows, weights: weights, toInputs: workspace.narrow)
    firstNorm.backward(
      workspace.narrow, normal: kept.firstNormal, rows: rows, weights: weights, addingTo: dx,
      into: &gradient, accumulate: accumulate,
      finished: finished)
  }
}
