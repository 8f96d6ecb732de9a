import Files
import FoundationEssentials

extension StepRecord: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("step", step)
      $0.field("epoch", epoch)
      $0.field("samples", samples)
      $0.field("loss", loss)
      $0.field("learning_rate", learningRate)
      $0.field("norm", norm)
      $0.field("noise", noise)
      $0.field("action", action.rawValue)
      if let reason { $0.field("reason", reason) }
      if let penalty { $0.field("penalty", penalty) }
      $0.field("update_norm", updateNorm)
      $0.field("weight_norm", weightNorm)
      $0.field("update_ratio", updateRatio)
      $0.field("seconds", seconds)
      writeMetrics(to: &$0)
    }
  }

  /// A field a metric; those of one object follow one another.
  private func writeMetrics(to json: inout JSONText) {
    var rest = metrics[...]
    while let first = rest.first {
      guard let dot = first.name.utf8.firstIndex(of: UInt8(ascii: ".")) else {
        json.field(first.name, first.value)
        rest.removeFirst()
        continue
      }
      let group = first.name.utf8[...dot]
      json.key(String(first.name[..<dot]))
      json.object {
        while let next = rest.first, next.name.utf8.starts(with: group) {
          $0.field(String(Substring(next.name.utf8.dropFirst(group.count))), next.value)
          rest.removeFirst()
        }
      }
    }
  }
}

extension StepRecord {
  /// The value of a metric of `metrics`.
  subscript(metric name: String) -> Double? { metrics.first { $0.name == name }?.value ?? nil }
}

extension StepRecord.Norm: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("global", global)
      $0.field("applied", applied)
      $0.field("coefficient", coefficient)
      $0.field("threshold", threshold)
      $0.field("local_rms", localRMS)
      $0.field("max_local", maxLocal)
      $0.field("rms", rms)
      $0.field("certified", certified)
      $0.field("outlier", outlier)
      $0.field("layers", object: layers)
      if !groups.isEmpty { $0.field("groups", object: groups) }
      if !orders.isEmpty {
        $0.key("orders")
        $0.object { for order in orders { $0.field(order.name, order) } }
      }
      if !own.isEmpty {
        $0.key("own")
        $0.object { for group in own { $0.field(group.name, group) } }
      }
      if let samples { $0.field("samples", samples) }
      if let clippedSamples { $0.field("clipped_samples", clippedSamples) }
      if let update { $0.field("update", update) }
    }
  }
}

extension StepRecord.MaxLocal: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("value", value)
      $0.field("rank", rank)
    }
  }
}

extension StepRecord.Outlier: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("ratio", ratio)
      $0.field("rank", rank)
    }
  }
}

extension StepRecord.Order: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("global", global)
      $0.field("layers", object: layers)
    }
  }
}

extension StepRecord.Own: JSONWritable, Decodable {
  private enum CodingKeys: String, CodingKey { case norm, coefficient, threshold }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("norm", norm)
      $0.field("coefficient", coefficient)
      $0.field("threshold", threshold)
    }
  }

  /// The name is the key that the group stands under.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      name: "", norm: try fields.decodeIfPresent(Double.self, forKey: .norm),
      coefficient: try fields.decodeIfPresent(Double.self, forKey: .coefficient),
      threshold: try fields.decodeIfPresent(Double.self, forKey: .threshold))
  }
}

extension StepRecord.Update: JSONWritable, Decodable {
  private enum CodingKeys: String, CodingKey { case norm, applied, coefficient, threshold, layers }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("norm", norm)
      $0.field("applied", applied)
      $0.field("coefficient", coefficient)
      $0.field("threshold", threshold)
      if !layers.isEmpty { $0.field("layers", object: layers) }
    }
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      norm: try fields.decodeIfPresent(Double.self, forKey: .norm),
      applied: try fields.decodeIfPresent(Double.self, forKey: .applied),
      coefficient: try fields.decodeIfPresent(Double.self, forKey: .coefficient),
      threshold: try fields.decodeIfPresent(Double.self, forKey: .threshold),
      layers: fields.contains(.layers)
        ? try NamedNumber.list(from: fields.superDecoder(forKey: .layers)) : [])
  }
}

extension StepRecord.Seconds: JSONWritable, Decodable {
  private enum CodingKeys: String, CodingKey { case total }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("total", total)
      phases.writeFields(to: &$0)
    }
  }

  public init(from decoder: any Decoder) throws {
    total = try decoder.container(keyedBy: CodingKeys.self).decode(Double.self, forKey: .total)
    phases = try PhaseTimes(from: decoder)
  }
}

extension StepRecord {
  /// Reads one line of `metrics.jsonl`, with the layers in the order the line has them.
  ///
  /// Foundation's decoder forgets the order of keys, so the names are sorted by where they stand in
  /// the line.
  public init(line: [UInt8]) throws {
    self = try JSONDecoder().decode(StepRecord.self, from: Data(line))
    norm.layers = norm.layers.inOrder(of: line)
    if !noise.layers.isEmpty {
      let places = Dictionary(
        norm.layers.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
      noise.layers.sort { places[$0.name, default: .max] < places[$1.name, default: .max] }
    }
