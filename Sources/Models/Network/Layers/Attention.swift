import CVectorKernels
import ExperimentKeys
import Glibc
import Vectors

/// `kind = "attention"`: self-attention of several heads over a text's rows (Vaswani et al. 2017):
/// y = W_proj·[softmax(q·kᵀ/√d)·v of each head], with q, k and v side by side in W_attn·x.
///
/// Tensors: `c_attn.weight [3·width, width]`, `c_proj.weight [width, width]`, and their biases
/// unless `bias = false`.
public struct Attention: LayerKind {
  public static let kind = "attention"
  public static let summary = "Self-attention of several heads over a text's rows."
  public let heads: Int
  /// Whether a token sees only itself and what is before it.
  public let isCausal: Bool
  /// Whether queries and keys are turned by their places (Su et al. 2021, arXiv 2104.09864).
  public let isRotary: Bool
  public let hasBias: Bool
  /// The standard deviations of W_attn and W_proj at the start; nil for PyTorch's start of
  /// `nn.Linear`.
  private let deviations: (attn: Double, proj: Double)?

  public init(heads: Int, causal: Bool = true, rotary: Bool = false, bias: Bool = true) {
    (self.heads, isCausal, isRotary, hasBias) = (heads, causal, rotary, bias)
    deviations = nil
  }

  /// Causal heads without biases that start from normal distributions, as nanoGPT's.
  init(heads: Int, deviations: (attn: Double, proj: Double)) {
    (self.heads, isCausal, isRotary, hasBias) = (heads, true, false, false)
    self.deviations = deviations
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    heads = try keys.integer("heads", default: 4, in: 1...1024, "heads; they divide the width")
    isCausal = try keys.boolean(
      "causal", default: true, "whether a token sees only itself and what is before it")
    isRotary = try keys.boolean(
      "rotary", default: false, "whether queries and keys are turned by their places")
    hasBias = try keys.boolean("bias", default: true, "whether biases are added")
    deviations = nil
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    guard case .sequence(let length, let width) = x.shape else {
      throw network.misfit(x, wanted: "a text's rows: put an embedding before it")
    }
    guard width % heads == 0, !isRotary || width / heads % 2 == 0 else {
      throw network.misfit(
        x, wanted: "a width that \(heads) heads divide\(isRotary ? " into even ones" : "")")
    }
    var mixed = try network.linear(
      "c_attn", after: x, outputs: 3 * width, bias: hasBias, deviation: deviations?.attn)
    if isRotary {
      mixed = try network.apply(
        Rotation(length: length, width: width, heads: heads), to: mixed, making: mixed.shape)
    }
    let heads =
      isCausal
      ? CausalHeads(length: length, width: width, heads: heads, by: network.compute) as any Layer
      : OpenHeads(length: length, width: width, heads: heads, by: network.compute)
    let y = try network.apply(heads, to: mixed, making: x.shape)
    return try network.linear(
      "c_proj", after: y, outputs: width, bias: hasBias, deviation: deviations?.proj)
  }

  /// Turns queries and keys, which lie before the values in each row, by angles that grow with the
  /// place in the text: pairs of values half a head apart, as Llama has them.
  private final class Rotation: Layer {
    private let length: Int
    private let width: Int
    private let heads: Int
    /// Cosines, then sines, of each place.
    private let turns: [Float]

    init(length: Int, width: Int, heads: Int) {
      (self.length, self.width, self.heads) = (length, width, heads)
      let half = width / heads / 2
      var turns: [Float] = []
      for place in 0..<length {
        let angles = (0..<half).map {
          Double(place) * pow(10_000, -2 * Double($0) / Double(2 * half))
        }
        turns += angles.map { Float(cos($0)) } + angles.map { Float(sin($0)) }
      }
      self.turns = turns
    }

    var memory: LayerMemory { LayerMemory(isInPlace: true) }
    var reach: LayerReach { .before }

    private func turn(_ x: UnsafeMutablePointer<Float>, samples: Int, sign: Float) {
      cvk_rotate(x, turns, samples * length, length, 3 * width, 2 * heads, width / heads, sign)
    }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      let count = pass.samples * length * 3 * width
      if pass.y != pass.x { pass.y.update(from: pass.x, count: count) }
      turn(pass.y, samples: pass.samples, sign: 1)
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      guard let dx = pass.dx else { return }
      let count = pass.samples * length * 3 * width
      if dx != pass.dy { dx.update(from: pass.dy, count: count) }
      turn(dx, samples: pass.samples, sign: -1)
    }
  }

  /// Heads that see a token and what is before it; nothing of length × length is kept.
  private final class CausalHeads: Layer {
    private let length: Int
    private let attention: CausalAttention
    private let compute: ComputeContext

    init(length: Int, width: Int, heads: Int, by compute: ComputeContext) {
      self.length = length
      attention = CausalAttention(heads: heads, width: width, threads: compute.threads)
      self.compute = compute
    }

    var memory: LayerMemory {
      LayerMemory(
        keepsInputs: true, keepsResult: true, saved: 2 * attention.heads * length,
        fixedScratch: attention.scratchCount(length: length))
    }

    var reach: LayerReach { .before }

    func multiplyAdds(isFirst: Bool) -> Int {
      6 * length * (length + 1) / 2 * attention.width
    }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      attention.forward(
        pass.x, samples: pass.samples, length: length, statistics: pass.saved,
        scratch: pass.fixedScratch, into: pass.y)
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      attention.backward(
        pass.dy, mixed: pass.x, y: pass.y, samples: pass.samples, length: length,
        statistics: pass.saved, scratch: pass.fixedScratch, into: pass.dx!, by: compute)
    }
  }

  /// Heads that see the whole text; the probabilities are kept.
  private final class OpenHeads: Layer {
    private let length: Int
    private let width: Int
    private let heads: Int
    private let compute: ComputeContext

    init(length: Int, width: Int, heads: Int, by compute: ComputeContext) {
      (self.length, self.width, self.heads, self.compute) = (length, width, heads, compute)
    }

    private var area: Int { length * length }
    private var scale: Float { 1 / Float(width / heads).squareRoot() }

    var memory: LayerMemory {
      LayerMemory(keepsInputs: true, saved: heads * area, fixedScratch: area)
    }

    var reach: LayerReach { .all }

    func multiplyAdds(isFirst: Bool) -> Int { 6 * area * width }

    /// A head's queries, keys or values: rows of a wider matrix.
    private func part(_ mixed: UnsafePointer<Float>, _ sample: Int, _ part: Int, _ head: Int)
      -> Matrix
    {
      Matrix(
        mixed + sample * length * 3 * width + part * width + head * width / heads, rows: length,
        columns: width / heads, stride: 3 * width)
    }

    func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
      let x = UnsafePointer(pass.x)
      for sample in 0..<pass.samples {
        for head in 0..<heads {
          let p = pass.saved + (sample * heads + head) * area
          compute.multiply(
            part(x, sample, 0, head), part(x, sample, 1, head).transposed, scale: scale, into: p)
          cvk_softmax_rows(p, length, length)
          compute.multiply(
            Matrix(p, rows: length, columns: length), part(x, sample, 2, head),
            into: pass.y + sample * length * width + head * width / heads, stride: width)
        }
      }
    }

    func backward(
      _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
      finished: (Int, inout FlatVector) -> Void
    ) {
      let (x, dx, ds) = (UnsafePointer(pass.x), pass.dx!, pass.fixedScratch)
      for sample in 0..<pass.samples {
        for head in 0..<heads {
          let p = pass.saved + (sample * heads + head) * area
          let probabilities = Matrix(p, rows: length, columns: length)
          let dy = Matrix(
            pass.dy + sample * length * width + head * width / heads, rows: length,
            columns: width / heads, stride: width)
          func target(_ part: Int) -> UnsafeMutablePointer<Float> {
            dx + sample * length * 3 * width + part * width + head * width / heads
          }
          compute.multiply(probabilities.transposed, dy, into: target(2), stride: 3 * width)
          compute.multiply(dy, part(x, sample, 2, head).transposed, into: ds)
          cvk_softmax_rows_backward(ds, p, length, length)
          let d = Matrix(ds, rows: length, columns: length)
          compute.multiply(
            d, part(x, sample, 1, head), scale: scale, into: target(0), stride: 3 * width)
          compute.multiply(
            d.transposed, part(x, sample, 0, head), scale: scale, into: target(1),
            stride: 3 * width)
        }
      }
    }
  }
}
