import ExperimentKeys
import Vectors

/// Every kind of layer; the first is what an entry without a kind is.
public enum LayerKinds: KindList {
  public static let noun = "layer kind"
  public static let builtIn: [any LayerKind.Type] = [
    Dense.self,
    ReLU.self,
    GELU.self,
    SiLU.self,
    Tanh.self,
    Sigmoid.self,
    Softplus.self,
    Flatten.self,
    Dropout.self,
    LayerNorm.self,
    RMSNorm.self,
    GroupNorm.self,
    BatchNorm.self,
    Conv.self,
    MaxPool.self,
    AveragePool.self,
    GlobalAveragePool.self,
    Embedding.self,
    Positions.self,
    Attention.self,
    Gated.self,
    RNN.self,
    LSTM.self,
    GRU.self,
    TiedHead.self,
    Residual.self,
    Repeat.self,
  ]
  public static func choice(of kind: any LayerKind.Type) -> KeyDeclaration.Choice {
    KeyDeclaration.Choice(kind)
  }
}

extension Registry {
  /// Makes a layer of the program's own known to experiments.
  public mutating func register(_ kind: (some LayerKind).Type) { add(kind, to: LayerKinds.self) }
}

extension ExperimentReader {
  /// A list of layers, empty where the key is not given; a name is a layer's own.
  ///
  /// With an `example` the key is needed, and `missing` is the error about an experiment without it.
  public mutating func layers(
    _ key: String, example: String? = nil, missing: String = "", _ help: String
  ) throws(ExperimentError) -> [any LayerKind] {
    try tables(key, example: example, missing: missing, help) {
      (keys: inout ExperimentReader) throws(ExperimentError) in
      let name = try keys.string(
        optional: "name", "what the layer's tensors are called, in the place of its number")
      let layer = try keys.kind("kind", of: LayerKinds.self, "what the layer computes") {
        (kind, keys) throws(ExperimentError) -> any LayerKind in try kind.init(&keys)
      }
      guard let name else { return layer }
      guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), name.utf8.count <= 200
      else {
        throw keys.error("name", "give 1 to 200 characters of ASCII without spaces")
      }
      return NamedLayer(name, layer)
    } ?? []
  }

  /// The key of layers that hold others.
  mutating func recompute() throws(ExperimentError) -> Bool {
    try boolean(
      "recompute", default: false,
      "whether activations within are computed again in the backward pass, not kept: less memory, more time, the same bits"
    )
  }

  /// A number of values: a whole number, or what the data has as many of.
  public mutating func layerWidth(
    _ key: String, default fallback: LayerWidth, _ help: String
  ) throws(ExperimentError) -> LayerWidth {
    try value(key, default: fallback, as: .layerWidth, help)
  }
}

/// How many values a layer makes of a row.
public enum LayerWidth: Sendable, Equatable, ExpressibleByIntegerLiteral {
  case count(Int)
  /// As many as the data have classes, targets, or tokens in their vocabulary.
  case classes, targets, vocabulary

  static let most = 1 << 24

  public init(integerLiteral count: Int) { self = .count(count) }

  /// The number, in a network; the layer is the one that is being added.
  func count(in network: NetworkBuilder) throws(ExperimentError) -> Int {
    let samples = network.samples
    let (count, what) =
      switch self {
      case .count(let count): (count, "")
      case .classes: (samples.tokens > 0 ? 0 : samples.classes, "classes")
      case .targets: (samples.targets, "targets")
      case .vocabulary: (samples.tokens > 0 ? samples.classes : 0, "vocabulary")
      }
    guard count > 0 else {
      throw network.error(
        what.isEmpty
          ? "a width of \(count)" : "width = \"\(what)\", but the data have no \(what)")
    }
    return count
  }
}

extension KeyForm<LayerWidth> {
  static var layerWidth: Self {
    Self(
      .mixed,
      wanted:
        "a whole number from 1 to \(LayerWidth.most), \"classes\", \"targets\" or \"vocabulary\""
    ) {
      switch $0 {
      case .integer(let count) where (1...LayerWidth.most).contains(count): .count(count)
      case .string("classes"): .classes
      case .string("targets"): .targets
      case .string("vocabulary"): .vocabulary
      default: nil
      }
    } write: {
      switch $0 {
      case .count(let count): "\(count)"
      case .classes: "\"classes\""
      case .targets: "\"targets\""
      case .vocabulary: "\"vocabulary\""
      }
    }
  }
}
