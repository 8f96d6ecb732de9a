import Glibc
import Models
import Vectors

/// The text models by their formulas, in Double and one value at a time: the oracle for the models'
/// own code.
struct ReferenceText {
  enum Kind: Sendable { case elman, lstm, gpt(layers: Int, heads: Int) }
  let kind: Kind
  let layout: TensorLayout

  /// The samples' losses, each the mean over its labels that are not -1.
  func loss(_ weights: [[Double]], _ texts: Texts) -> Double {
    let named = Dictionary(uniqueKeysWithValues: zip(layout.segments.map(\.name), weights))
    var total = 0.0
    for (tokens, labels) in zip(texts.tokens, texts.labels) {
      let rows = logits(named, tokens)
      let asked = labels.indices.filter { labels[$0] >= 0 }
      for time in asked {
        let largest = rows[time].max()!
        let logSum = largest + log(rows[time].reduce(0) { $0 + exp($1 - largest) })
        total += (logSum - rows[time][labels[time]]) / Double(asked.count)
      }
    }
    return total
  }

  /// A row of logits after each token.
  func logits(_ w: [String: [Double]], _ tokens: [Int]) -> [[Double]] {
    switch kind {
    case .elman, .lstm: recurrent(w, tokens)
    case .gpt(let layers, let heads): transformer(w, tokens, layers: layers, heads: heads)
    }
  }

  private func recurrent(_ w: [String: [Double]], _ tokens: [Int]) -> [[Double]] {
    let hidden = w["head.weight"]!.count / w["head.bias"]!.count
    let embedding = w["rnn.weight_ih_l0"]!.count / w["rnn.bias_l0"]!.count
    var h = [Double](repeating: 0, count: hidden)
    var c = h
    return tokens.map { token in
      let x = Array(w["embedding.weight"]![token * embedding..<(token + 1) * embedding])
      let z = add(
        add(apply(w["rnn.weight_ih_l0"]!, x), apply(w["rnn.weight_hh_l0"]!, h)), w["rnn.bias_l0"]!)
      for unit in 0..<hidden {
        if case .elman = kind {
          h[unit] = tanh(z[unit])
        } else {
          func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
          let (i, f, g, o) = (z[unit], z[hidden + unit], z[2 * hidden + unit], z[3 * hidden + unit])
          c[unit] = sigmoid(f) * c[unit] + sigmoid(i) * tanh(g)
          h[unit] = sigmoid(o) * tanh(c[unit])
        }
      }
      return add(apply(w["head.weight"]!, h), w["head.bias"]!)
    }
  }

  private func transformer(_ w: [String: [Double]], _ tokens: [Int], layers: Int, heads: Int)
    -> [[Double]]
  {
    let width = w["transformer.ln_f.weight"]!.count
    let (wte, wpe) = (w["transformer.wte.weight"]!, w["transformer.wpe.weight"]!)
    var stream = tokens.enumerated().map { time, token in
      (0..<width).map { wte[token * width + $0] + wpe[time * width + $0] }
    }
    for layer in 0..<layers {
      func tensor(_ name: String) -> [Double] { w["transformer.h.\(layer).\(name).weight"]! }
      let mixed = stream.map { apply(tensor("attn.c_attn"), normalize($0, tensor("ln_1"))) }
      let size = width / heads
      for time in tokens.indices {
        var y = [Double](repeating: 0, count: width)
        for head in 0..<heads {
          let scores = (0...time).map { other in
            (0..<size).reduce(0.0) {
              $0 + mixed[time][head * size + $1] * mixed[other][width + head * size + $1]
            }
              / Double(size).squareRoot()
          }
          let powers = scores.map { exp($0 - scores.max()!) }
          for (other, power) in powers.enumerated() {
            for j in 0..<size {
              y[head * size + j] +=
                power / powers.reduce(0, +) * mixed[other][2 * width + head * size + j]
            }
          }
        }
        stream[time] = add(stream[time], apply(tensor("attn.c_proj"), y))
      }
      stream = stream.map { x in
        let wide = apply(tensor("mlp.c_fc"), normalize(x, tensor("ln_2"))).map {
          0.5 * $0 * (1 + erf($0 / 2.0.squareRoot()))
        }
        return add(x, apply(tensor("mlp.c_proj"), wide))
      }
    }
    return stream.map { apply(wte, normalize($0, w["transformer.ln_f.weight"]!)) }
  }

  private func normalize(_ x: [Double], _ weight: [Double]) -> [Double] {
    let mean = x.reduce(0, +) / Double(x.count)
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
    return zip(x, weight).map { ($0 - mean) / (variance + 1e-5).squareRoot() * $1 }
  }

  private func add(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 + $1 } }

  /// W·x with W row-major.
  private func apply(_ weight: [Double], _ x: [Double]) -> [Double] {
    (0..<weight.count / x.count).map { row in
      var sum = 0.0
      for (column, value) in x.enumerated() { sum += weight[row * x.count + column] * value }
      return sum
    }
  }
}

/// Samples of a text.
struct Texts: Sendable {
  var tokens: [[Int]]
  var labels: [[Int]]
  let vocabulary: Int
  let length: Int

  /// `asked`: whether label t of a sample counts in the loss; nil where all do.
  init(
    _ count: Int, length: Int, vocabulary: Int, seed: UInt64,
    asked: ((_ sample: Int, _ time: Int) -> Bool)? = nil
  ) {
    var random = RandomStream(seed, 78)
    func row() -> [Int] { (0..<length).map { _ in Int(random.integer(below: UInt64(vocabulary))) } }
    (self.vocabulary, self.length) = (vocabulary, length)
    tokens = (0..<count).map { _ in row() }
    labels = (0..<count).map { sample in
      row().enumerated().map { asked?(sample, $0) ?? true ? $1 : -1 }
    }
  }

  func batch(_ range: Range<Int>? = nil, spare: Int = 0) -> Batch {
    let range = range ?? 0..<tokens.count
    var batch = Batch(
      capacity: range.count + spare,
      shape: SampleShape(tokens: length, labels: length, classes: vocabulary))
    batch.count = range.count
    for (row, sample) in range.enumerated() {
      for time in 0..<length {
        batch.tokens[row * length + time] = Int32(tokens[sample][time])
        batch.labels[row * length + time] = Int32(labels[sample][time])
      }
    }
    return batch
  }
}
