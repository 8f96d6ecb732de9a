import ExperimentKeys
import Vectors

/// `kind = "dense"`: y = f(x·Wᵀ + b) for each row, PyTorch's `nn.Linear`: of numbers, of a text's
/// tokens, or of an image that has been flattened.
///
/// Tensors: `weight [width, inputs]`, and `bias [width]` unless `bias = false`.
public struct Dense: LayerKind {
  public static let kind = "dense"
  public static let summary = "A fully connected layer, y = f(x·Wᵀ + b), for each row."
  public let width: LayerWidth
  public let activation: Activation?
  public let hasBias: Bool
  public let initialization: Initialization

  public init(
    _ width: LayerWidth, _ activation: Activation? = nil, bias: Bool = true,
    initialization: Initialization = .standard
  ) {
    (self.width, self.activation, self.initialization) = (width, activation, initialization)
    hasBias = bias
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    enum Name: String, CaseIterable { case none, relu, tanh, sigmoid }
    width = try keys.layerWidth("width", default: .classes, "values of each row of the result")
    let name = try keys.choice(
      "activation", default: Name.none, "the function of the result, in the same pass")
    activation = Activation(rawValue: name.rawValue)
    hasBias = try keys.boolean("bias", default: true, "whether a bias is added")
    initialization = try Initialization(&keys)
  }

  public func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value)
    throws(ExperimentError) -> NetworkBuilder.Value
  {
    let width = try width.count(in: network)
    if case .maps = x.shape { throw network.misfit(x, wanted: "rows: put a flatten before it") }
    guard let shape = x.shape.with(width: width) else {
      throw network.misfit(x, wanted: "values: put an embedding before it")
    }
    let weight = try network.tensor("weight", shape: [width, x.shape.width])
    let bias = hasBias ? try network.tensor("bias", shape: [width]) : nil
    return try network.apply(
      LinearLayer(
        rows: x.shape.rows, inputs: x.shape.width, outputs: width, activation: activation,
        weight: weight, bias: bias, by: network.compute
      ) { [initialization, activation] weights, seed in
        initialization.fill(
          &weights, weight: weight, bias: bias, fanIn: x.shape.width, fanOut: width,
          activation: activation, seed: seed)
      }, to: x, making: shape)
  }
}
