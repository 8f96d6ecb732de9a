import Data
import Glibc
import Models
import Vectors

/// Writes on from a prompt, a token at a time: draws each from softmax(logits / temperature) over
/// the `top` most likely ones.
public struct TextSampler: ~Copyable {
  private let trained: TrainedModel
  private let model: any TokenModel
  private let temperature: Double
  private let top: Int
  private var random: RandomStream
  private var memory = TokenMemory()
  private var logits: [Float]

  /// Reads the prompt; nil where the model is none of texts.
  ///
  /// A temperature of 0 always takes the most likely token. `prompt` holds tokens of the model's
  /// vocabulary, at least one.
  public init?(
    _ trained: TrainedModel, prompt: [Int32], temperature: Double, top: Int, seed: UInt64
  ) {
    guard let model = trained.model as? any TokenModel, model.vocabulary > 0, trained.isOfTexts
    else { return nil }
    (self.trained, self.model, self.temperature, self.top) = (trained, model, temperature, top)
    random = RandomStream(seed, Self.purpose)
    logits = model.read(prompt, memory: &memory, weights: trained.weights)
  }

  /// The next token's bytes: one, where tokens are bytes.
  public mutating func next() -> [UInt8] {
    let token = draw()
    logits = model.read([token], memory: &memory, weights: trained.weights)
    return trained.bytes(ofToken: token)
  }

  private mutating func draw() -> Int32 {
    // Of equals the first, so that a draw is the same everywhere.
    let order = logits.indices.sorted { (logits[$0], $1) > (logits[$1], $0) }.prefix(
      temperature > 0 ? top : 1)
    let largest = Double(logits[order[0]])
    let weights = order.map {
      exp((Double(logits[$0]) - largest) / max(temperature, .leastNormalMagnitude))
    }
    var left = random.unit() * weights.reduce(0, +)
    for (token, weight) in zip(order, weights) {
      left -= weight
      if left < 0 { return Int32(token) }
    }
    return Int32(order[0])
  }

  /// ASCII "sampler", so that no other use of a seed draws the same numbers.
  private static let purpose: UInt64 = 0x73_616D_706C_6572
}

extension TrainedModel {
  /// Whether it is known what its tokens stand for.
  public var isOfTexts: Bool { vocabulary != nil || tokenizer != nil }

  /// What a token of a text stands for.
  public func bytes(ofToken token: Int32) -> [UInt8] {
    tokenizer?.pieces[Int(token)] ?? vocabulary.map { [$0.bytes[Int(token)]] } ?? []
  }
}
