/// What a model made of some samples.
public struct Evaluation: Sendable, Equatable {
  public var lossSum: Double
  /// What a classifier got right (its first largest output is the label), or what a policy's
  /// episodes returned.
  public var score: Int
  /// What ``score`` is divided by for its mean: the labels, the episodes; 0 where there is nothing
  /// to score.
  public var scored: Int
  /// Samples.
  public var count: Int

  public init(lossSum: Double = 0, score: Int = 0, scored: Int = 0, count: Int = 0) {
    self.lossSum = lossSum
    self.score = score
    self.scored = scored
    self.count = count
  }

  public static func += (total: inout Evaluation, part: Evaluation) {
    total.lossSum += part.lossSum
    total.score += part.score
    total.scored += part.scored
    total.count += part.count
  }
}
