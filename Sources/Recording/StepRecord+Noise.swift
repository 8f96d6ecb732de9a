extension StepRecord {
  /// Signal and noise of one tensor's gradient: |Gₖ|², trΣₖ, and their ratio, nil where the signal is
  /// not resolved.
  public struct LayerNoise: Sendable, Equatable {
    public var name: String
    public var signal: Double?
    public var variance: Double?
    public var scale: Double?

    public init(name: String, signal: Double?, variance: Double?, scale: Double?) {
      (self.name, self.signal, self.variance, self.scale) = (name, signal, variance, scale)
    }
  }
}

extension StepRecord.Noise: JSONWritable, Decodable {
  private enum CodingKeys: String, CodingKey {
    case signal, variance, scale, diversity, agreement, layers
  }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("signal", signal)
      $0.field("variance", variance)
      $0.field("scale", scale)
      $0.field("diversity", diversity)
      $0.field("agreement", agreement)
      guard !layers.isEmpty else { return }
      $0.key("layers")
      $0.object { for layer in layers { $0.field(layer.name, layer) } }
    }
  }

  /// Layers come sorted by name: who knows the tensors' order brings them into it.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    func number(_ key: CodingKeys) throws -> Double? {
      try fields.decodeIfPresent(Double.self, forKey: key)
    }
    let named =
      try fields.decodeIfPresent([String: StepRecord.LayerNoise].self, forKey: .layers) ?? [:]
    self.init(
      signal: try number(.signal), variance: try number(.variance), scale: try number(.scale),
      diversity: try number(.diversity), agreement: try number(.agreement),
      layers: named.sorted { $0.key < $1.key }.map {
        StepRecord.LayerNoise(
          name: $0.key, signal: $0.value.signal, variance: $0.value.variance,
          scale: $0.value.scale)
      })
  }
}

extension StepRecord.LayerNoise: JSONWritable, Decodable {
  private enum CodingKeys: String, CodingKey { case signal, variance, scale }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("signal", signal)
      $0.field("variance", variance)
      $0.field("scale", scale)
    }
  }

  /// The name is the key that the tensor stands under.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      name: "", signal: try fields.decodeIfPresent(Double.self, forKey: .signal),
      variance: try fields.decodeIfPresent(Double.self, forKey: .variance),
      scale: try fields.decodeIfPresent(Double.self, forKey: .scale))
  }
}
