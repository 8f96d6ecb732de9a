import CVectorKernels
import ExperimentKeys
import Vectors

/// How a layer's weight and bias start: the keys `initialization` and `initialization_std` of
/// `[model]`.
///
/// The named schemes are those of `torch.nn.init` with the gain of the layer's activation
/// (`calculate_gain`), and start biases at zero. All values are functions of the seed and the
/// tensor's index, the same on every machine.
public enum Initialization: Sendable, Equatable {
  /// Weight and bias from U(-1/√fanIn, 1/√fanIn): what PyTorch's `nn.Linear` and `nn.Conv2d` do by
  /// themselves.
  case standard
  /// N(0, gain²/fanIn), `kaiming_normal_` (He et al. 2015).
  case kaiming
  /// U(-a, a) with a = gain·√(6/(fanIn + fanOut)), `xavier_uniform_` (Glorot and Bengio 2010).
  case xavier
  /// gain times a random matrix with orthonormal rows or columns, whichever are fewer,
  /// `orthogonal_` (Saxe et al. 2014).
  case orthogonal
  /// N(0, deviation²).
  case normal(deviation: Double)

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    enum Name: String, CaseIterable {
      case kaiming, xavier, orthogonal, normal
      case standard = "default"
    }
    let name = try keys.choice(
      "initialization", default: Name.standard,
      "how weights start: PyTorch's default, or a scheme of `torch.nn.init` with the activation's gain"
    )
    let deviation = try keys.only(if: "initialization", is: Name.normal.rawValue) {
      (keys) throws(ExperimentError) in
      try keys.number(
        "initialization_std", default: 0.02, wanted: "a number above 0",
        "standard deviation of initial weights"
      ) { $0 > 0 }
    }
    switch name {
    case .standard: self = .standard
    case .kaiming: self = .kaiming
    case .xavier: self = .xavier
    case .orthogonal: self = .orthogonal
    case .normal: self = .normal(deviation: deviation!)
    }
  }

  /// Fills a layer's weight, and its bias where it has one. `activation` is the one after the
  /// layer, nil where its results are used as they are.
  public func fill(
    _ weights: inout FlatVector, weight: Int, bias: Int?, fanIn: Int, fanOut: Int,
    activation: Activation?, seed: UInt64
  ) {
    if self == .standard {
      weights.fillUniformly(weight, fanIn: fanIn, seed: seed)
      if let bias { weights.fillUniformly(bias, fanIn: fanIn, seed: seed) }
      return
    }
    if let bias { weights.setToZero(in: weights.layout.segments[bias].range) }
    let gain = activation?.gain ?? 1
    switch self {
    case .standard: break
    case .kaiming:
      weights.fillNormally(weight, deviation: gain / Double(fanIn).squareRoot(), seed: seed)
    case .xavier:
      weights.fillUniformly(
        weight, bound: gain * (6 / Double(fanIn + fanOut)).squareRoot(), seed: seed)
    case .orthogonal: weights.fillOrthogonally(weight, gain: gain, seed: seed)
    case .normal(let deviation): weights.fillNormally(weight, deviation: deviation, seed: seed)
    }
  }
}

extension Activation {
  /// By what a weight's variance is raised to keep the variance of what flows through:
  /// `torch.nn.init.calculate_gain`.
  var gain: Double {
    switch self {
    case .relu: 2.0.squareRoot()
    case .tanh: 5.0 / 3
    case .sigmoid: 1
    }
  }
}

extension FlatVector {
  /// Fills a tensor from U(-1/√fanIn, 1/√fanIn), as PyTorch's `nn.Linear` starts its weight and its
  /// bias (He et al. 2015 with a = √5).
  mutating func fillUniformly(_ segment: Int, fanIn: Int, seed: UInt64) {
    fillUniformly(segment, bound: 1 / Double(fanIn).squareRoot(), seed: seed)
  }

  /// Fills a tensor from U(-bound, bound).
  mutating func fillUniformly(_ segment: Int, bound: Double, seed: UInt64) {
    var random = RandomStream(seed, UInt64(segment))
    for index in layout.segments[segment].range {
      base[index] = Float(random.uniform(-bound..<bound))
    }
  }

  /// Fills a tensor from N(0, deviation²).
  mutating func fillNormally(_ segment: Int, deviation: Double, seed: UInt64) {
    var random = RandomStream(seed, UInt64(segment))
    for index in layout.segments[segment].range {
      base[index] = Float(deviation * random.gaussian())
    }
  }

  /// Fills a tensor, as a matrix of as many rows as its first dimension, with `gain` times
  /// orthonormal rows or columns, whichever are fewer.
  ///
  /// The orthonormal factor of a Gaussian matrix whose triangular factor has a positive diagonal is
  /// uniform over all of them (Mezzadri 2007).
  mutating func fillOrthogonally(_ segment: Int, gain: Double, seed: UInt64) {
    let (shape, range) = (layout.segments[segment].shape, layout.segments[segment].range)
    guard range.count > 0 else { return }
    let (rows, columns) = (shape[0], range.count / shape[0])
    let (count, length) = (min(rows, columns), max(rows, columns))
    var random = RandomStream(seed, UInt64(segment))
    var vectors = (0..<range.count).map { _ in random.gaussian() }
    cvk_orthonormalize(&vectors, count, length)
    for row in 0..<rows {
      for column in 0..<columns {
        base[range.lowerBound + row * columns + column] = Float(
          gain * (rows > columns ? vectors[column * length + row] : vectors[row * length + column]))
      }
    }
  }

  /// The first element of a tensor.
  public func pointer(_ segment: Int) -> UnsafeMutablePointer<Float> {
    base + layout.segments[segment].range.lowerBound
  }
}
