import ExperimentKeys
import Vectors

/// Lays out a network: the tensors, and a list of layers each of which reads results of earlier
/// ones.
public struct NetworkBuilder {
  /// What a layer makes of a sample, before the network runs: its place and shape.
  public struct Value: Sendable, Equatable {
    let index: Int
    public let shape: ActivationShape
    /// Whether it depends on parameters, so that its gradient is wanted.
    public let isTrained: Bool
  }

  /// A layer with the values that it reads and the one that it makes.
  struct Node {
    let layer: any Layer
    let inputs: [Value]
    let result: Value
    /// What tables of layers call it.
    let path: String
    let kind: String
    /// The tensors that it added.
    let tensors: Range<Int>
    /// The segment of layers that are computed again in the backward pass; nil for none.
    let segment: Int?
  }

  /// The most layers that a network may have, those within others counted.
  public static let mostLayers = 4096
  /// The most parameters: 8 GB of weights, as much again for the gradient.
  public static let mostParameters = 1 << 31
  /// The most values that a layer may make of a sample.
  static let mostValues = 1 << 31

  /// What the layers compute with.
  public let compute: ComputeContext
  /// The data's samples.
  public let samples: SampleShape
  public let seed: UInt64
  public private(set) var layout = TensorLayout()
  private(set) var nodes: [Node] = []
  private(set) var values: [Value] = []
  /// The running means and variances so far: tensors, starting values, momenta, and the fewest
  /// samples of a micro-batch.
  private var running = (layout: TensorLayout(), initial: [Float](), momenta: [Double](), least: 1)
  /// Where the layer that is being added lies: `3`, `layers`, `1`.
  private var path: [String] = []
  private var kind = ""
  private var parameters = 0
  private var names: Set<String> = []
  /// The embeddings so far, by their paths.
  private var tables: [(path: String, table: EmbeddingTable)] = []
  /// The matrices of the last layer so far that has any.
  private var lastMatrices: [Int] = []
  private var depth = 0
  /// The segment that is being added, and how many there are.
  private var segment: Int?
  private var segmentCount = 0

  init(samples: SampleShape, seed: UInt64, compute: ComputeContext) {
    (self.samples, self.seed, self.compute) = (samples, seed, compute)
  }

  /// The place of what comes into the first layer.
  mutating func input(_ shape: ActivationShape) -> Value {
    let value = Value(index: values.count, shape: shape, isTrained: false)
    values.append(value)
    return value
  }

  /// Adds a list of layers, one after the other; tensors are named by their places in it, under
  /// `group` where there is one.
  public mutating func add(
    _ layers: [any LayerKind], after x: Value, in group: String? = nil
  ) throws(ExperimentError) -> Value {
    let outer = path
    defer { path = outer }
    if let group { path.append(group) }
    depth += 1
    defer { depth -= 1 }
    guard depth <= 64 else { throw error("layers within layers more than 64 deep") }
    var x = x
    for (index, layer) in layers.enumerated() {
      let named = layer as? NamedLayer
      x = try add(named?.layer ?? layer, named: named?.name ?? "\(index)", after: x)
    }
    return x
  }

  /// Adds layers as `body` does, a segment: what they leave for the backward pass is not kept, but
  /// computed again before it, where `recompute` says so. Within another such segment nothing
  /// changes.
  mutating func segment(
    recompute: Bool,
    _ body: (inout NetworkBuilder) throws(ExperimentError) -> Value
  ) throws(ExperimentError) -> Value {
    guard recompute, segment == nil else { return try body(&self) }
    segmentCount += 1
    segment = segmentCount
    defer { segment = nil }
    return try body(&self)
  }

  /// Adds one layer under a name of its own; under none where the name is empty.
  private mutating func add(_ layer: any LayerKind, named name: String, after x: Value)
    throws(ExperimentError) -> Value
  {
    let outer = (path, kind)
    defer { (path, kind) = outer }
    if !name.isEmpty { path.append(name) }
    kind = type(of: layer).kind
    return try layer.add(to: &self, after: x)
  }

  /// Adds a tensor of the layer that is being added, `PATH.name`, and returns its index. The
  /// matrices of the last layer are the network's head, whatever `role` they are added with.
  ///
  /// - Throws: where the network would have more than ``mostParameters``, or the name is taken.
  public mutating func tensor(
    _ name: String, shape: [Int], role: TensorLayout.Role = .hidden
  ) throws(ExperimentError) -> Int {
    layout.add(try claim(name, shape: shape), shape: shape, role: role)
  }

  /// The layer that was added last multiplies by a matrix of an earlier one, as a tied head does.
  mutating func shareMatrix(_ tensor: Int) { lastMatrices = [tensor] }

  /// The tensors, of which the last layer's matrices are marked as the head.
  var finishedLayout: TensorLayout {
    var finished = layout
    finished.mark(lastMatrices, as: .head)
    return finished
  }

  /// Adds a tensor of running statistics of the layer that is being added, and returns its index in
  /// ``RunningStatistics``.
  ///
  /// - Parameters:
  ///   - name: the tensor's, after the layer's path.
  ///   - width: its elements.
  ///   - initial: what it is filled with at the start.
  ///   - momentum: m of r ← (1 − m)·r + m·s after a step.
  ///   - least: the fewest samples of a micro-batch that have such statistics.
  public mutating func runningTensor(
    _ name: String, width: Int, initial: Float, momentum: Double, needing least: Int
  ) throws(ExperimentError) -> Int {
    running.initial.append(initial)
    running.momenta.append(momentum)
    running.least = max(running.least, least)
    return running.layout.add(try claim(name, shape: [width]), shape: [width])
  }

  /// The running statistics of all layers; nil where there are none.
  var statistics: RunningStatistics? {
    running.momenta.isEmpty
      ? nil
      : RunningStatistics(
        running.layout, initial: running.initial, momenta: running.momenta,
        leastSamples: running.least)
  }

  /// The whole name of a tensor, which is taken from now on.
  private mutating func claim(_ name: String, shape: [Int]) throws(ExperimentError) -> String {
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      count = overflow ? .max : product
    }
    guard count <= Self.mostParameters - parameters else {
      throw error(
        "its tensor \(name) of \(shape.map(String.init).joined(separator: "×")) takes the network beyond \(Self.mostParameters) parameters"
      )
    }
    parameters += count
    let full = (path + [name]).joined(separator: ".")
    guard names.insert(full).inserted else {
      throw error("there is a tensor \(full) already: give the layer another name")
    }
    return full
  }

  /// Adds a layer that computes `shape` from its inputs. The tensors that were added since the last
  /// one are its own.
  public mutating func apply(_ layer: any Layer, to inputs: Value..., making shape: ActivationShape)
    throws(ExperimentError) -> Value
  {
    guard nodes.count < Self.mostLayers else {
      throw error("a network may have \(Self.mostLayers) layers, those within others counted")
    }
    guard shape.rows > 0, shape.width > 0, shape.count <= Self.mostValues else {
      throw error("it would make \(shape) of \(inputs[0].shape)")
    }
    let first = nodes.last?.tensors.upperBound ?? 0
    let isTrained = first < layout.segments.count || inputs.contains(where: \.isTrained)
    let result = Value(index: values.count, shape: shape, isTrained: isTrained)
    values.append(result)
    let matrices = (first..<layout.segments.count).filter { layout.segments[$0].shape.count > 1 }
    if !matrices.isEmpty { lastMatrices = matrices }
    nodes.append(
      Node(
        layer: layer, inputs: inputs, result: result, path: path.joined(separator: "."),
        kind: kind, tensors: first..<layout.segments.count, segment: segment))
    return result
  }

  /// Makes the table of the embedding that is being added known to heads that come later.
  mutating func add(_ table: EmbeddingTable) {
    tables.append((path.joined(separator: "."), table))
  }

  /// The table of an embedding; of the first where the path is nil.
  func table(_ path: String?) -> EmbeddingTable? {
    guard let path else { return tables.first?.table }
    return tables.first { $0.path == path }?.table
  }

  /// An error about the layer that is being added.
  public func error(_ text: String) -> ExperimentError {
    ExperimentError("model.layers: layer \(path.joined(separator: ".")) (\(kind)): \(text)")
  }

  /// An error about an input of a shape that does not go into the layer.
  public func misfit(_ x: Value, wanted: String) -> ExperimentError {
    error("got \(x.shape), wants \(wanted)")
  }

  /// A number that keys the random numbers of the layer that is being added.
  public var layerKey: UInt64 { UInt64(nodes.count) }
}

/// A layer with a name of its own in the place of its number.
struct NamedLayer: LayerKind {
  static let kind = "named"
  let name: String
  let layer: any LayerKind

  init(_ name: String, _ layer: any LayerKind) { (self.name, self.layer) = (name, layer) }
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    throw keys.error("kind", "\"named\" is no layer")
  }

  func add(to network: inout NetworkBuilder, after x: NetworkBuilder.Value) throws(ExperimentError)
    -> NetworkBuilder.Value
  {
    try layer.add(to: &network, after: x)
  }
}
