import Vectors

extension FlatVector {
  /// Fills a tensor from U(-1/√fanIn, 1/√fanIn), as PyTorch's `nn.Linear` starts its weight and its bias (He et al. 2015 with a = √5).
  mutating func fillUniformly(_ segment: Int, fanIn: Int, seed: UInt64) {
    let bound = 1 / Double(fanIn).squareRoot()
    var random = RandomStream(seed, UInt64(segment))
    for index in layout.segments[segment].range { base[index] = Float(random.uniform(-bound..<bound)) }
  }

  /// Fills a tensor from N(0, deviation²).
  mutating func fillNormally(_ segment: Int, deviation: Double, seed: UInt64) {
    var random = RandomStream(seed, UInt64(segment))
    for index in layout.segments[segment].range { base[index] = Float(deviation * random.gaussian()) }
  }

  /// The first element of a tensor.
  func pointer(_ segment: Int) -> UnsafeMutablePointer<Float> { base + layout.segments[segment].range.lowerBound }
}
