import FoundationEssentials

/// One line of `trace/rank-R.jsonl`: fingerprints of what one rank had in hand at each stage of a
/// step.
///
/// Written by `lockstep-worker --trace` (for `lockstep verify`; reproducible runs only). Everything
/// in it but a stage's `first` and the values of ``Kind/sent`` is the same at any number of ranks,
/// so the first stage that differs shows which rank computed it otherwise.
public struct StepTrace: Sendable, Equatable, Decodable {
  /// What a stage's values are of.
  public enum Kind: String, Sendable, CaseIterable, Decodable {
    /// The gradient of each of the rank's micro-batches, and its loss.
    case gradient, loss
    /// The sum of all gradients, by tiles of the rank's slice.
    case sum
    /// What each micro-batch, and each grain of the slice, added to the rank's ledger.
    case microBatchEntries = "micro-batch-entries"
    case grainEntries = "grain-entries"
    /// The rank's ledger as it went into the reduction: the sum of its entries.
    case sent
    /// The ledger as it came out of it.
    case total
    /// The updated weights, by tiles of the slice.
    case update
    /// All weights, as the next step begins with them.
    case weights
    /// The loss of each block of the rows that are evaluated.
    case evaluation

    /// What the values are counted by.
    public enum Unit: Sendable { case microBatch, grain, block, rank, all }

    public var unit: Unit {
      switch self {
      case .gradient, .loss, .microBatchEntries: .microBatch
      case .sum, .grainEntries, .update: .grain
      case .evaluation: .block
      case .sent: .rank
      case .total, .weights: .all
      }
    }
  }

  /// Consecutive units from `first` on, 64 bits each; one value where the kind knows no units.
  public struct Stage: Sendable, Equatable {
    public var kind: Kind
    public var first: Int
    public var values: [UInt64]

    public init(_ kind: Kind, first: Int = 0, _ values: [UInt64]) {
      self.kind = kind
      self.first = first
      self.values = values
    }
  }

  /// Steps done, this one included; 0 for the start.
  public var step: Int
  /// In the order they happened: the same on all ranks.
  public var stages: [Stage]

  public init(step: Int, stages: [Stage]) {
    self.step = step
    self.stages = stages
  }
}

/// The first line of `trace/rank-R.jsonl`: whose trace it is, and what the units of its stages are.
public struct TraceHeader: Sendable, Equatable, Decodable {
  public var rank: Int
  public var ranks: Int
  public var host: String
  public var tensors: [Tensor]

  /// A tensor and the number of grains it is made of; grains are numbered through all tensors.
  public struct Tensor: Sendable, Equatable, Decodable {
    public var name: String
    public var grains: Int

    public init(name: String, grains: Int) {
      self.name = name
      self.grains = grains
    }
  }

  public init(rank: Int, ranks: Int, host: String, tensors: [Tensor]) {
    self.rank = rank
    self.ranks = ranks
    self.host = host
    self.tensors = tensors
  }

  /// The name of the tensor that a grain belongs to.
  public func tensor(ofGrain grain: Int) -> String? {
    var end = 0
    return tensors.first {
      end += $0.grains
      return grain < end
    }?.name
  }
}

extension StepTrace: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("step", step)
      $0.field("stages", stages)
    }
  }
}

extension StepTrace.Stage: JSONWritable, Decodable {
  private enum CodingKeys: String, CodingKey { case kind, first, values }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("kind", kind.rawValue)
      $0.field("first", first)
      $0.field("values", values.map { StepTrace.hexadecimal($0) }.joined())
    }
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let digits = Array(try fields.decode(String.self, forKey: .values).utf8)
    let values = stride(from: 0, to: digits.count, by: 16).compactMap { start in
      start + 16 <= digits.count
        ? UInt64(String(decoding: digits[start..<start + 16], as: UTF8.self), radix: 16) : nil
    }
    guard values.count * 16 == digits.count else {
      throw DecodingError.dataCorruptedError(
        forKey: .values, in: fields, debugDescription: "not 16 hexadecimal digits a value")
    }
    self.init(
      try fields.decode(StepTrace.Kind.self, forKey: .kind),
      first: try fields.decode(Int.self, forKey: .first), values)
  }
}

extension TraceHeader: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("rank", rank)
      $0.field("ranks", ranks)
      $0.field("host", host)
      $0.field("tensors", tensors)
    }
  }
}

extension TraceHeader.Tensor: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("name", name)
      $0.field("grains", grains)
    }
  }
}

extension StepTrace {
  /// 16 lower-case digits.
  public static func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
