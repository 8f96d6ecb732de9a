import Testing
import Vectors

@Suite struct TensorLayoutTests {
  static func layout(_ counts: [Int]) -> TensorLayout {
    var layout = TensorLayout()
    for (index, count) in counts.enumerated() { layout.add("tensor.\(index)", shape: [count]) }
    return layout
  }

  @Test func tensorsStartAtCacheLines() {
    var layout = TensorLayout()
    #expect(layout.add("a", shape: [3, 5]) == 0)
    #expect(layout.add("b", shape: [16]) == 1)
    #expect(layout.add("c", shape: [17]) == 2)
    #expect(layout.segments.map(\.range) == [0..<15, 16..<32, 32..<49])
    #expect(layout.elementCount == 64)
    #expect(layout.parameterCount == 48)
    #expect(layout.index(named: "c") == 2)
    #expect(layout.index(named: "d") == nil)
    #expect(layout.segments[0].shape == [3, 5])
  }

  /// Up to more owners than there are tiles.
  @Test(
    arguments: [
      [[5]], [[10, 10], [3], [7, 10]], [[770, 2], [1]], [[3, 700], [64, 33], [9, 9, 40]],
    ], [1, 2, 3, 7, 12, 13, 64])
  func slicesShareTheWhole(_ shapes: [[Int]], _ owners: Int) {
    var layout = TensorLayout()
    for (index, shape) in shapes.enumerated() { layout.add("t\(index)", shape: shape) }
    let grains = layout.segments.indices.map { layout.tile(of: $0) }
    var end = 0
    var lengths: [Int] = []
    var found: [[Int]] = []
    for owner in 0..<owners {
      let slice = layout.slice(owner, of: owners)
      #expect(slice.lowerBound == end)
      end = slice.upperBound
      lengths.append(slice.count)
      for grain in layout.tiles(of: slice) {
        found.append([grain.tensor, grain.range.lowerBound, grain.range.upperBound])
      }
    }
    #expect(end == layout.elementCount)
    // Either end moves by less than a tile and the gap after a tensor.
    #expect(lengths.max()! - lengths.min()! <= 2 * (grains.max()! + TensorLayout.alignment))
    // The tiles are the same for any number of owners, and consist of whole rows.
    let whole = layout.tiles(of: 0..<layout.elementCount).map {
      [$0.tensor, $0.range.lowerBound, $0.range.upperBound]
    }
    #expect(found == whole)
    for grain in whole {
      let segment = layout.segments[grain[0]]
      let row = segment.shape.count > 1 ? segment.count / segment.shape[0] : segment.count
      #expect((grain[1] - segment.range.lowerBound) % row == 0 && (grain[2] - grain[1]) % row == 0)
    }
    #expect(whole.reduce(0) { $0 + $1[2] - $1[1] } == layout.parameterCount)
  }

  /// Whole tensors are cut by no slice; work is what slices have equally much of, to within a whole
  /// tensor, and tiles stay what they are.
  @Test(arguments: [1, 2, 3, 4, 7, 40])
  func wholeTensorsHaveOneOwner(_ owners: Int) {
    var plain = TensorLayout()
    for (index, shape) in [[300, 20], [90, 70], [70], [50, 70], [70, 50], [3], [40, 90]]
      .enumerated()
    {
      plain.add("t\(index)", shape: shape)
    }
    let loads = [1: 90 * 70 * 36, 3: 50 * 70 * 26, 4: 70 * 50 * 26, 6: 1]
    let layout = plain.keepingWhole(loads)
    #expect(layout.segments.map(\.range) == plain.segments.map(\.range))
    let slices = (0..<owners).map { layout.slice($0, of: owners) }
    #expect(slices[0].lowerBound == 0 && slices[owners - 1].upperBound == layout.elementCount)
    #expect(zip(slices, slices.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
    for tensor in loads.keys {
      let range = layout.segments[tensor].range
      #expect(
        slices.allSatisfy { [0, range.count].contains($0.clamped(to: range).count) }, "\(tensor)")
    }
    func work(before position: Int) -> Int {
      plain.segments.enumerated().reduce(0) { sum, part in
        let (index, segment) = part
        let gap = (16 - segment.count % 16) % 16
        let inside = min(max(position - segment.range.lowerBound, 0), segment.count + gap)
        return sum + (loads[index].map { inside > 0 ? $0 : 0 } ?? inside)
      }
    }
    let total = work(before: layout.elementCount)
    #expect(layout.load(before: layout.elementCount) == total)
    for slice in slices {
      let own = work(before: slice.upperBound) - work(before: slice.lowerBound)
      #expect(abs(own - total / owners) <= loads.values.max()!)
      #expect(layout.load(before: slice.upperBound) - layout.load(before: slice.lowerBound) == own)
    }
    let tiles = slices.flatMap { layout.tiles(of: $0) }
    #expect(tiles == plain.tiles(of: 0..<plain.elementCount))
    for count in [2, 5] {
      for index in 0..<count {
        let part = layout.slice(
          index, of: count, in: layout.segments[1].range.lowerBound..<layout.elementCount)
        let range = layout.segments[4].range
        #expect([0, range.count].contains(part.clamped(to: range).count))
      }
    }
  }

  @Test func aGrainIsAboutAThousandElementsOfWholeRows() {
    var layout = TensorLayout()
    for shape in [[128, 784], [10, 5000], [64, 3, 3, 3], [5000]] {
      layout.add("\(shape)", shape: shape)
    }
    #expect(layout.segments.indices.map { layout.tile(of: $0) } == [784, 5000, 999, 5000])
  }

  @Test func piecesAreWhatTensorsHaveInARange() {
    let layout = Self.layout([15, 16, 17, 4])  // 0..<15, 16..<32, 32..<49, 64..<68
    func pieces(_ range: Range<Int>) -> [[Int]] {
      layout.parts(of: range).map { [$0.tensor, $0.range.lowerBound, $0.range.upperBound] }
    }
    #expect(pieces(0..<80) == [[0, 0, 15], [1, 16, 32], [2, 32, 49], [3, 64, 68]])
    #expect(pieces(14..<33) == [[0, 14, 15], [1, 16, 32], [2, 32, 33]])
    #expect(pieces(40..<41) == [[2, 40, 41]])
    #expect(pieces(49..<64) == [])
    #expect(pieces(20..<20) == [])
  }

  @Test func piecesOfAllSlicesAreAllTensors() {
    let layout = Self.layout([100, 3, 70, 33])
    var held = [Int](repeating: 0, count: 4)
    for owner in 0..<5 {
      for piece in layout.parts(of: layout.slice(owner, of: 5)) {
        held[piece.tensor] += piece.range.count
      }
    }
    #expect(held == [100, 3, 70, 33])
  }
}
