import ExperimentKeys
import Glibc
import Vectors

extension Network {
  /// A transformer that predicts the next token, in nanoGPT's shape: learned positions, layer norm
  /// before each branch, exact GELU, no biases, and a head that is the tokens' embedding (Radford et
  /// al. 2019). Its context is a sample's length.
  ///
  /// Tensors: `transformer.wte.weight [vocabulary, width]`,
  /// `transformer.wpe.weight [context, width]`, of each layer `transformer.h.I.ln_1.weight`,
  /// `.attn.c_attn.weight`, `.attn.c_proj.weight`, `.ln_2.weight`, `.mlp.c_fc.weight`,
  /// `.mlp.c_proj.weight`, and `transformer.ln_f.weight`.
  ///
  /// Weights start as nanoGPT's: N(0, 0.02), and for the two that end a residual branch less by
  /// √(2·layers), so that the stream's variance does not grow with the layers.
  package static func transformer(
    for samples: SampleShape, layers: Int, heads: Int, width: Int
  ) throws(ExperimentError) -> Network {
    let (deviation, last) = (0.02, 0.02 / Double(2 * layers).squareRoot())
    return try Network(for: samples) {
      Embedding(width, deviation: deviation).named("transformer.wte")
      Positions(deviation: deviation).named("transformer.wpe")
      for layer in 0..<layers {
        Residual(unnamed: [
          LayerNorm(bias: false).named("ln_1"),
          Attention(heads: heads, deviations: (deviation, last)).named("attn"),
        ]).named("transformer.h.\(layer)")
        Residual(unnamed: [
          LayerNorm(bias: false).named("ln_2"),
          Dense(
            .count(4 * width), bias: false, initialization: .normal(deviation: deviation)
          ).named("mlp.c_fc"),
          GELU(),
          Dense(.count(width), bias: false, initialization: .normal(deviation: last))
            .named("mlp.c_proj"),
        ]).named("transformer.h.\(layer)")
      }
      LayerNorm(bias: false).named("transformer.ln_f")
      TiedHead()
    }
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
    layers = try keys.integer("layers", default: 4, in: 1...400, "blocks")
    heads = try keys.integer(
      "heads", default: 4, in: 1...(1 << 10), "heads of attention; they divide the width")
    width = try keys.integer("width", default: 128, in: 1...(1 << 14), "width of a token's vector")
    guard width % heads == 0 else {
      throw keys.error("width", "a width of \(width) cannot be divided among \(heads) heads")
    }
  }

  public func model(for samples: SampleShape, seed: UInt64) throws(ExperimentError) -> any Model {
    _ = try vocabulary(samples)
    return try Network.transformer(for: samples, layers: layers, heads: heads, width: width)
  }
}
