import Data
import Testing
import Vectors

@Suite struct RandomTextTests {
  @Test func labelsAreTheNextTokensAcrossSamples() throws {
    let text = RandomText(tokens: 101, vocabulary: 7, context: 10, seed: 3)
    #expect(text.count == 10 && text.shape == SampleShape(tokens: 10, labels: 10, classes: 7))
    var batch = Batch(capacity: 10, shape: text.shape)
    try text.fill(&batch, with: (0..<10).map(UInt32.init)[...])
    let tokens = Array(batch.tokens)
    #expect(
      Array(batch.labels.prefix(99)) == Array(tokens[1...]),
      "sample i + 1 begins with the last label of sample i")
    #expect(tokens.allSatisfy { (0..<7).contains($0) })
    // Any order gives the same samples.
    var again = Batch(capacity: 2, shape: text.shape)
    try text.fill(&again, with: [9, 4])
    #expect(Array(again.tokens) == Array(tokens[90..<100] + tokens[40..<50]))
  }

  @Test func tokensAreEquallyLikelyAndIndependent() throws {
    let (count, kinds) = (1 << 16, 96)
    let text = RandomText(tokens: count + 1, vocabulary: kinds, context: count, seed: 1)
    var batch = Batch(capacity: 1, shape: text.shape)
    try text.fill(&batch, with: [0])
    var (single, pairs) = (
      [Double](repeating: 0, count: kinds), [Double](repeating: 0, count: 16 * 16)
    )
    for place in 0..<count {
      single[Int(batch.tokens[place])] += 1
      pairs[Int(batch.tokens[place]) / 6 * 16 + Int(batch.labels[place]) / 6] += 1
    }
    // χ² lies within six standard deviations, √(2·degrees), of its degrees of freedom.
    for counts in [single, pairs] {
      let expected = Double(count) / Double(counts.count)
      let chi = counts.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
      let degrees = Double(counts.count - 1)
      #expect(
        abs(chi - degrees) < 6 * (2 * degrees).squareRoot(),
        "χ² = \(chi) for \(degrees) degrees of freedom")
    }
  }

  @Test func partsAndSeedsAreDifferentTexts() throws {
    func tokens(seed: UInt64, part: UInt64) throws -> [Int32] {
      let text = RandomText(tokens: 65, vocabulary: 96, context: 64, seed: seed, part: part)
      var batch = Batch(capacity: 1, shape: text.shape)
      try text.fill(&batch, with: [0])
      return Array(batch.tokens)
    }
    #expect(try tokens(seed: 1, part: 0) == tokens(seed: 1, part: 0))
    #expect(
      try tokens(seed: 1, part: 0) != tokens(seed: 1, part: 1)
        && tokens(seed: 1, part: 0) != tokens(seed: 2, part: 0))
  }
}
