import CVectorKernels
import ExperimentKeys
import Glibc
import Vectors

/// `kind = "relu"`: max(0, x).
public struct ReLU: ElementwiseKind {
  public static let kind = "relu"
  public static let summary = "max(0, x)."
  public init() {}
  public init(_ keys: inout ExperimentReader) {}
  var function: Elementwise { .result(.relu) }
}

/// `kind = "tanh"`.
public struct Tanh: ElementwiseKind {
  public static let kind = "tanh"
  public static let summary = "The hyperbolic tangent."
  public init() {}
  public init(_ keys: inout ExperimentReader) {}
  var function: Elementwise { .result(.tanh) }
}

/// `kind = "sigmoid"`: 1/(1 + e^−x).
public struct Sigmoid: ElementwiseKind {
  public static let kind = "sigmoid"
  public static let summary = "1/(1 + e^−x)."
  public init() {}
  public init(_ keys: inout ExperimentReader) {}
  var function: Elementwise { .result(.sigmoid) }
}

/// `kind = "gelu"`: x·Φ(x), with Φ the normal distribution function (Hendrycks and Gimpel 2016);
/// the exact one, not the approximation with tanh.
public struct GELU: ElementwiseKind {
  public static let kind = "gelu"
  public static let summary = "x·Φ(x), with erf."
  public init() {}
  public init(_ keys: inout ExperimentReader) {}
  var function: Elementwise { .derivative(cvk_gelu) }
}

/// `kind = "silu"`: x/(1 + e^−x) (Elfwing et al. 2017).
public struct SiLU: ElementwiseKind {
  public static let kind = "silu"
  public static let summary = "x/(1 + e^−x), also called swish."
  public init() {}
  public init(_ keys: inout ExperimentReader) {}
  var function: Elementwise { .derivative(cvk_silu) }
}

/// `kind = "softplus"`: log(1 + e^x).
public struct Softplus: ElementwiseKind {
  public static let kind = "softplus"
  public static let summary = "log(1 + e^x)."
  public init() {}
  public init(_ keys: inout ExperimentReader) {}
  var function: Elementwise { .derivative(cvk_softplus) }
}

/// A function of each value by itself.
protocol ElementwiseKind: LayerKind {
  var function: Elementwise { get }
}

/// How a function of each value is computed, and differentiated.
enum Elementwise {
  /// values = f(values); then d·f′, which is a function of the result.
  case result(Activation)
  /// y = f(x), and in the place of x the derivative f′(x).
  case derivative((UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?, Int) -> Void)
}

extension ElementwiseKind {
  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    if case .tokens = x.shape { throw network.misfit(x, wanted: "values") }
    return try network.apply(
      ElementwiseLayer(function, count: x.shape.count), to: x, making: x.shape)
  }
}

/// A function of each value, over its input where nothing else reads that.
final class ElementwiseLayer: Layer {
  let function: Elementwise
  private let count: Int

  init(_ function: Elementwise, count: Int) { (self.function, self.count) = (function, count) }

  var memory: LayerMemory {
    switch function {
    case .result: LayerMemory(keepsResult: true, isInPlace: true)
    case .derivative: LayerMemory(isInPlace: true, saved: count)
    }
  }

  func forward(_ pass: LayerPass, weights: borrowing FlatVector) {
    let all = pass.samples * count
    switch function {
    case .result(let activation):
      if pass.y != pass.x { pass.y.update(from: pass.x, count: all) }
      activation.forward(pass.y, count: all)
    case .derivative(let apply):
      pass.saved.update(from: pass.x, count: all)
      apply(pass.y, pass.saved, all)
    }
  }

  func backward(
    _ pass: LayerPass, weights: borrowing FlatVector, into gradient: inout FlatVector,
    finished: (Int, inout FlatVector) -> Void
  ) {
    guard let dx = pass.dx else { return }
    let all = pass.samples * count
    if dx != pass.dy { dx.update(from: pass.dy, count: all) }
    switch function {
    case .result(let activation): activation.backward(dx, results: pass.y, count: all)
    case .derivative: cvk_multiply(dx, pass.saved, all)
    }
  }
}
