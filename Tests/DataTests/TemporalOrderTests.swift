import Data
import Testing
import Vectors

@Suite struct TemporalOrderTests {
  private func rows(_ data: TemporalOrder, _ samples: [UInt32]) throws -> [(
    tokens: [Int32], labels: [Int32]
  )] {
    var batch = Batch(capacity: samples.count, shape: data.shape)
    try data.fill(&batch, with: samples[...])
    let length = data.shape.tokens
    return samples.indices.map { row in
      let range = row * length..<(row + 1) * length
      return (Array(batch.tokens[range]), Array(batch.labels[range]))
    }
  }

  @Test(arguments: [10, 50, 100, 333]) func theLabelIsTheOrderOfTheTwo(_ length: Int) throws {
    let data = TemporalOrder(length: length, samples: 2000, seed: 5)
    #expect(
      data.count == 2000 && data.shape == SampleShape(tokens: length, labels: length, classes: 6))
    var (classes, noise) = ([Int](repeating: 0, count: 4), [Int](repeating: 0, count: 4))
    var places: (Set<Int>, Set<Int>) = ([], [])
    for (tokens, labels) in try rows(data, Array(0..<2000)) {
      let informative = tokens.indices.filter { tokens[$0] > 3 }
      #expect(informative.count == 2)
      #expect(
        (length / 10...2 * length / 10).contains(informative[0])
          && (5 * length / 10...6 * length / 10).contains(informative[1]))
      #expect(labels.dropLast().allSatisfy { $0 == -1 })
      let (first, second) = (tokens[informative[0]], tokens[informative[1]])
      #expect(labels[length - 1] == (first == 4 ? (second == 4 ? 0 : 1) : (second == 4 ? 2 : 3)))
      classes[Int(labels[length - 1])] += 1
      places.0.insert(informative[0])
      places.1.insert(informative[1])
      for token in tokens where token < 4 { noise[Int(token)] += 1 }
    }
    // 500 ± 19 of each class; every place occurs; noise is uniform to five deviations.
    #expect(classes.allSatisfy { abs($0 - 500) < 97 }, "\(classes)")
    #expect(
      places.0.count == 2 * length / 10 - length / 10 + 1
        && places.1.count == 6 * length / 10 - 5 * length / 10 + 1)
    let each = Double(noise.reduce(0, +)) / 4
    #expect(
      noise.allSatisfy { abs(Double($0) - each) < 5 * (each * 0.75).squareRoot() }, "\(noise)")
  }

  @Test func aSampleIsAFunctionOfSeedAndIndex() throws {
    let data = TemporalOrder(length: 40, samples: 100, seed: 5)
    let (all, some) = try (rows(data, Array(0..<100)), rows(data, [99, 3]))
    #expect(some[0] == all[99] && some[1] == all[3])
    let further = data.further(10)
    let more = try rows(further, Array(0..<10))
    #expect(further.count == 10 && !more.contains { row in all.contains { $0 == row } })
    #expect(try rows(TemporalOrder(length: 40, samples: 110, seed: 5), [100])[0] == more[0])
    #expect(try rows(TemporalOrder(length: 40, samples: 100, seed: 6), [3])[0] != all[3])
  }
}
