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

  /// 1, 12 and 97 cache lines; up to more owners than lines.
  @Test(arguments: [[5], [100, 3, 70], [1540, 1]], [1, 2, 3, 7, 12, 13, 64]) func slicesShareTheWhole(_ counts: [Int], _ owners: Int) {
    let layout = Self.layout(counts)
    var end = 0
    var lengths: [Int] = []
    for owner in 0..<owners {
      let slice = layout.slice(owner, of: owners)
      #expect(slice.lowerBound == end)
      #expect(slice.lowerBound % TensorLayout.alignment == 0)
      end = slice.upperBound
      lengths.append(slice.count)
    }
    #expect(end == layout.elementCount)
    #expect(lengths.max()! - lengths.min()! <= TensorLayout.alignment)
  }

  @Test func piecesAreWhatTensorsHaveInARange() {
    let layout = Self.layout([15, 16, 17, 4])  // 0..<15, 16..<32, 32..<49, 64..<68
    func pieces(_ range: Range<Int>) -> [[Int]] {
      layout.pieces(of: range).map { [$0.segment, $0.range.lowerBound, $0.range.upperBound] }
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
      for piece in layout.pieces(of: layout.slice(owner, of: 5)) { held[piece.segment] += piece.range.count }
    }
    #expect(held == [100, 3, 70, 33])
  }
}
