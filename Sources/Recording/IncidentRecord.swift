import Files
import FoundationEssentials
import Glibc

/// One line of `incidents.jsonl`: an alarm of a step, and what was found to have caused it.
public struct IncidentRecord: Sendable, Equatable {
  /// What raised the alarm.
  public enum Kind: String, Sendable, Codable {
    case spike
    case nonFinite = "non-finite"
    /// The ranks' sum is longer than any sum of their gradients can be.
    case corruptedReduction = "corrupted-reduction"
    /// Ranks that should have the same do not: weights, or a gradient computed twice.
    case divergence
    case stall
  }

  public enum Cause: String, Sendable, Codable {
    /// The step's samples.
    case data
    /// A fault that was not there when the same was computed again.
    case transient
    /// A fault that comes back on a rank, or in the sum of all ranks.
    case persistent
    /// The optimiser's state is one that no gradients make.
    case optimizerState = "optimizer-state"
    /// The last update was out of proportion.
    case learningRate = "learning-rate"
    case unknown
  }

  public var step: Int
  public var kind: Kind
  public var cause: Cause
  /// The rank and tensor at fault, where one was found.
  public var rank: Int?
  public var host: String?
  public var tensor: String?
  /// The samples with the largest gradients, by their index in the training set, where they are the
  /// cause: up to 8, the largest first.
  public var samples: [Int]
  /// The finding, in a sentence.
  public var text: String
  /// What was looked at and what it showed, a sentence each.
  public var evidence: [String]

  public init(
    step: Int, kind: Kind, cause: Cause, rank: Int? = nil, host: String? = nil,
    tensor: String? = nil, samples: [Int] = [], text: String, evidence: [String] = []
  ) {
    (self.step, self.kind, self.cause) = (step, kind, cause)
    (self.rank, self.host, self.tensor, self.samples) = (rank, host, tensor, samples)
    (self.text, self.evidence) = (text, evidence)
  }
}

extension IncidentRecord: JSONWritable, Decodable {
  private enum CodingKeys: String, CodingKey {
    case step, kind, cause, rank, host, tensor, samples, text, evidence
  }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("step", step)
      $0.field("kind", kind.rawValue)
      $0.field("cause", cause.rawValue)
      $0.field("rank", rank)
      $0.field("host", host)
      $0.field("tensor", tensor)
      $0.key("samples")
      $0.array(samples) { $0.value($1) }
      $0.field("text", text)
      $0.key("evidence")
      $0.array(evidence) { $0.value($1) }
    }
  }

  /// Lines of stalls have no samples and evidence.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    step = try fields.decode(Int.self, forKey: .step)
    kind = try fields.decode(Kind.self, forKey: .kind)
    cause = try fields.decode(Cause.self, forKey: .cause)
    rank = try fields.decodeIfPresent(Int.self, forKey: .rank)
    host = try fields.decodeIfPresent(String.self, forKey: .host)
    tensor = try fields.decodeIfPresent(String.self, forKey: .tensor)
    samples = try fields.decodeIfPresent([Int].self, forKey: .samples) ?? []
    text = try fields.decodeIfPresent(String.self, forKey: .text) ?? ""
    evidence = try fields.decodeIfPresent([String].self, forKey: .evidence) ?? []
  }

  /// Reads a run's `incidents.jsonl`, a record at a time; a line that is no record is named by its
  /// number and byte. A torn last line is left out.
  public static func read(path: String, each: (IncidentRecord) -> Void) throws(RunFileError) {
    try readLines(path: path, every: 1, of: "an incident") {
      try JSONDecoder().decode(IncidentRecord.self, from: Data($0))
    } each: {
      each($0)
    }
  }
}

extension RunDirectory {
  /// Adds a line to `incidents.jsonl`, which is made where it is not there.
  package func append(incident: some JSONWritable) throws(RunFileError) {
    let file = open(incidents, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw RunFileError(path: incidents, cannot: "open it", code: errno) }
    defer { close(file) }
    let line = Array((JSONText(of: incident).string + "\n").utf8)
    guard write(file, line, line.count) == line.count else {
      throw RunFileError(path: incidents, cannot: "write to it", code: errno)
    }
  }
}
