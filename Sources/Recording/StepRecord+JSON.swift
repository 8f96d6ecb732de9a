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
    if let update = norm.update { norm.update?.layers = update.layers.inOrder(of: line) }
    if !noise.layers.isEmpty {
      let places = Dictionary(
        norm.layers.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
      noise.layers.sort { places[$0.name, default: .max] < places[$1.name, default: .max] }
    }
    metrics = try Self.metrics(of: line)
    // Written out: a record is read for each of a run's steps.
    for count in [step, samples, norm.maxLocal.rank ?? 0, norm.outlier.rank ?? 0]
    where !(0...largestCount).contains(count) {
      throw RunFileError("\(count) is no count")
    }
  }
}

extension StepRecord {
  private static let beforeLast = Array("\"seconds\":{".utf8)

  /// The numbers of all fields that follow the record's own, of which `seconds` is the last, by
  /// their paths. What is neither a number nor in an object of numbers is of another version.
  ///
  /// Most lines have none, which shows without reading their fields.
  private static func metrics(of line: [UInt8]) throws -> [NamedNumber] {
    var start = line.count - beforeLast.count
    while start >= 0, !line[start...].starts(with: beforeLast) { start -= 1 }
    guard start >= 0,
      let end = line[start...].firstIndex(of: UInt8(ascii: "}")),
      line[(end + 1)...].first == UInt8(ascii: ",")
    else { return [] }
    let leaves = try JSONLeaves([UInt8(ascii: "{")] + line[(end + 2)...], name: "metrics").leaves
    return leaves.compactMap { leaf in
      let value = Double(leaf.text)
      guard value != nil || leaf.text == "null", !leaf.path.utf8.contains(UInt8(ascii: "[")),
        leaf.path.utf8.count(where: { $0 == UInt8(ascii: ".") }) < 2
      else { return nil }
      return NamedNumber(leaf.path, value)
    }
  }
}

extension StepRecord.Norm: Decodable {
  private enum CodingKeys: String, CodingKey {
    case global, applied, coefficient, threshold, layers, rms, certified, outlier, groups, orders
    case own, samples, update
    case clippedSamples = "clipped_samples"
    case localRMS = "local_rms"
    case maxLocal = "max_local"
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    global = try fields.decodeIfPresent(Double.self, forKey: .global)
    applied = try fields.decodeIfPresent(Double.self, forKey: .applied)
    coefficient = try fields.decodeIfPresent(Double.self, forKey: .coefficient)
    threshold = try fields.decodeIfPresent(Double.self, forKey: .threshold)
    localRMS = try fields.decodeIfPresent(Double.self, forKey: .localRMS)
    maxLocal = try fields.decode(StepRecord.MaxLocal.self, forKey: .maxLocal)
    layers = try NamedNumber.list(from: fields.superDecoder(forKey: .layers))
    rms = try fields.decodeIfPresent(Double.self, forKey: .rms)
    certified = try fields.decodeIfPresent(Bool.self, forKey: .certified) ?? false
    outlier =
      try fields.decodeIfPresent(StepRecord.Outlier.self, forKey: .outlier)
      ?? StepRecord.Outlier(ratio: nil, rank: nil)
    groups =
      fields.contains(.groups)
      ? try NamedNumber.list(from: fields.superDecoder(forKey: .groups)) : []
    let others = try fields.decodeIfPresent([String: StepRecord.Order].self, forKey: .orders) ?? [:]
    orders = others.sorted { $0.key < $1.key }.map {
      StepRecord.Order(name: $0.key, global: $0.value.global, layers: $0.value.layers)
    }
    let groups = try fields.decodeIfPresent([String: StepRecord.Own].self, forKey: .own) ?? [:]
    samples = try fields.decodeIfPresent(StepRecord.Samples.self, forKey: .samples)
    clippedSamples = try fields.decodeIfPresent(Double.self, forKey: .clippedSamples)
    own = groups.sorted { $0.key < $1.key }.map {
      StepRecord.Own(
        name: $0.key, norm: $0.value.norm, coefficient: $0.value.coefficient,
        threshold: $0.value.threshold)
    }
    update = try fields.decodeIfPresent(StepRecord.Update.self, forKey: .update)
  }
}

extension StepRecord.Order: Decodable {
  private enum CodingKeys: String, CodingKey { case global, layers }

  /// The name is the key that the order stands under.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      name: "", global: try fields.decodeIfPresent(Double.self, forKey: .global),
      layers: try NamedNumber.list(from: fields.superDecoder(forKey: .layers)))
  }
}
