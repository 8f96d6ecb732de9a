import Recording

/// What `lockstep evaluate` found: one line of JSON.
public struct EvaluationResult: Sendable, Equatable {
  /// The file of the weights.
  public var weights: String
  /// Samples that were evaluated.
  public var samples: Int
  public var ranks: Int
  public var scores: Scores

  public init(weights: String, samples: Int, ranks: Int, scores: Scores) {
    (self.weights, self.samples, self.ranks, self.scores) = (weights, samples, ranks, scores)
  }

  /// One line for people.
  public var text: String {
    let numbers = scores.numbers.map { number in
      "\(number.name) \(number.value.map { NumberFormat.formatted($0) } ?? "not finite")"
    }
    return "\(weights): \(numbers.joined(separator: ", ")) on "
      + NumberFormat.counted(samples, "sample") + "\n"
  }
}

extension EvaluationResult: JSONWritable, Decodable {
  private enum CodingKeys: String, CodingKey { case weights, samples, ranks, loss }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("weights", weights)
      $0.field("samples", samples)
      $0.field("ranks", ranks)
      for number in scores.numbers { $0.field(number.name, number.value) }
    }
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    weights = try fields.decode(String.self, forKey: .weights)
    samples = try fields.decode(Int.self, forKey: .samples)
    ranks = try fields.decode(Int.self, forKey: .ranks)
    scores = Scores(
      loss: try fields.decode(Double?.self, forKey: .loss) ?? .nan,
      score: try NamedNumber.list(
        from: decoder, except: ["weights", "samples", "ranks", "loss"]
      ).first)
  }
}
