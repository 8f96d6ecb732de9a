import Files
import FoundationEssentials

/// What weights make of a set of samples: the mean loss and, where the model has one, its score.
public struct Scores: Sendable, Equatable {
  /// NaN where it is not finite.
  public var loss: Double
  public var score: NamedNumber?

  public init(loss: Double, score: NamedNumber?) { (self.loss, self.score) = (loss, score) }

  /// With the names that records have; the loss is not known where it is not finite.
  public var numbers: [NamedNumber] {
    [NamedNumber("loss", loss.isFinite ? loss : nil)] + (score.map { [$0] } ?? [])
  }

  /// The same of the running mean of the weights: `average_loss`, `average_accuracy`.
  public var averageNumbers: [NamedNumber] {
    numbers.map { NamedNumber(Self.averagePrefix + $0.name, $0.value) }
  }

  private static let averagePrefix = "average_"

  /// Whether a key is of the running mean of the weights.
  package static func isAverage(_ key: String) -> Bool { key.hasPrefix(averagePrefix) }

  /// What ``averageNumbers`` was in an object of JSON; nil where it has none.
  package static func average(from decoder: any Decoder) throws -> Scores? {
    let all = try NamedNumber.list(from: decoder, where: isAverage).map {
      NamedNumber(String($0.name.dropFirst(averagePrefix.count)), $0.value)
    }
    guard let loss = all.first(where: { $0.name == "loss" }) else { return nil }
    return Scores(loss: loss.value ?? .nan, score: all.first { $0.name != "loss" })
  }
}

/// One line of `evaluations.jsonl`: what the rows held out of the training set say after a step.
public struct EvaluationRecord: Sendable, Equatable {
  public var step: Int
  public var epoch: Double
  public var scores: Scores
  /// Of the running mean of the weights; nil where there is none.
  public var average: Scores?

  public init(step: Int, epoch: Double, scores: Scores, average: Scores? = nil) {
    (self.step, self.epoch, self.scores, self.average) = (step, epoch, scores, average)
  }

  /// All measures with their names.
  public var numbers: [NamedNumber] { scores.numbers + (average?.averageNumbers ?? []) }
}

extension EvaluationRecord: JSONWritable, Decodable {
  private static let keys: Set<String> = ["event", "step", "epoch", "loss"]

  private enum CodingKeys: String, CodingKey { case step, epoch, loss }

  public func write(to json: inout JSONText) { json.object { writeFields(to: &$0) } }

  /// The fields without braces: an event has them among its own.
  package func writeFields(to json: inout JSONText) {
    json.field("step", step)
    json.field("epoch", epoch)
    for number in numbers { json.field(number.name, number.value) }
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    step = try fields.decode(Int.self, forKey: .step)
    epoch = try fields.decode(Double.self, forKey: .epoch)
    scores = Scores(
      loss: try fields.decode(Double?.self, forKey: .loss) ?? .nan,
      score: try NamedNumber.list(from: decoder, except: Self.keys) {
        !Scores.isAverage($0)
      }.first)
    average = try Scores.average(from: decoder)
  }

  /// Reads a run's `evaluations.jsonl`, a record at a time; a line that is no record is named by its
  /// number and byte. A torn last line is left out.
  public static func read(path: String, each: (EvaluationRecord) -> Void) throws(RunFileError) {
    try readLines(path: path, every: 1, of: "an evaluation") {
      let record = try JSONDecoder().decode(EvaluationRecord.self, from: Data($0))
      if let key = impossibleCount(in: record) { throw RunFileError("\(key) is no count") }
      return record
    } each: {
      each($0)
    }
  }
}
