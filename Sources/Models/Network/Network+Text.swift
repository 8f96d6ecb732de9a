import Vectors

extension Network: TokenModel {
  /// 0 too where a layer reads tokens that follow.
  public var vocabulary: Int {
    guard case .tokens(_, let vocabulary) = input.shape,
      !nodes.contains(where: { $0.layer.reach == .all })
    else { return 0 }
    return vocabulary
  }

  /// Where a layer looks back at the tokens themselves, reads the last of them, as many as a sample
  /// has, the first at place 0; else token by token, from the states that the layers carry.
  public func read(_ tokens: [Int32], memory: inout TokenMemory, weights: borrowing FlatVector)
    -> [Float]
  {
    precondition(!tokens.isEmpty, "there is no token to read")
    guard let reader else {
      let length = samples.tokens
      memory.tokens = Array((memory.tokens.suffix(length) + tokens).suffix(length))
      return lastLogits(memory.tokens, weights: weights)
    }
    let count = reader.stateSizes.reduce(0, +)
    if memory.state.isEmpty { memory.state = [Float](repeating: 0, count: count) }
    precondition(memory.state.count == count, "a memory of another model")
    var result: [Float] = []
    memory.state.withUnsafeMutableBufferPointer { state in
      var next = state.baseAddress
      reader.states = reader.stateSizes.map { size in
        defer { next = next.map { $0 + size } }
        return size > 0 ? next : nil
      }
      for token in tokens { result = reader.lastLogits([token], weights: weights) }
      reader.states = nil
    }
    return result
  }

  /// A network for one token; nil where it would not do, or would need this one's running
  /// statistics.
  func makeReader() -> Network? {
    guard vocabulary > 0, runningStatistics == nil,
      !nodes.contains(where: { $0.layer.reach == .before })
    else { return nil }
    let one = SampleShape(tokens: 1, labels: 1, classes: vocabulary)
    do {
      return try Network(composition, loss: loss, for: one, seed: 1)
    } catch {
      fatalError("layers for texts that do not go with a text of one token: \(error)")
    }
  }

  /// Values that each layer carries from token to token.
  private var stateSizes: [Int] {
    nodes.map { if case .state(let size) = $0.layer.reach { size } else { 0 } }
  }

  /// The logits of the last of some tokens, at most a sample's. What lies after them has no
  /// influence.
  private func lastLogits(_ tokens: [Int32], weights: borrowing FlatVector) -> [Float] {
    var batch = Batch(capacity: 1, shape: samples)
    batch.count = 1
    for (place, token) in tokens.enumerated() { batch.tokens[place] = token }
    let result = forward(batch, weights: weights, isTraining: false)
    return Array(
      UnsafeBufferPointer(start: result + (tokens.count - 1) * vocabulary, count: vocabulary))
  }
}
