import GradientReduction
import Testing

/// The sum has the same parentheses however the micro-batches are dealt.
@Suite struct SummationTreeTests {
  /// The tree by its definition: a node is the sum of its halves, without the leaves past the end.
  private func tree(_ start: Int, _ level: Int, _ count: Int) -> String? {
    guard start < count else { return nil }
    guard level > 0 else { return "\(start)" }
    let left = tree(start, level - 1, count)!
    return tree(start + 1 << (level - 1), level - 1, count).map { "(\(left)+\($0))" } ?? left
  }

  /// The sum as the owners compute it from the nodes that ranks with these shares send.
  private func sum(of shares: [Range<Int>]) -> String {
    var nodes: [SummationTree.Node] = []
    var texts: [String] = []
    func merge(_ left: Int, _ right: Int) {
      texts[left] = "(\(texts[left])+\(texts[right]))"
      texts.removeLast()
    }
    for share in shares {
      var (own, parts): ([SummationTree.Node], [String]) = ([], [])
      for leaf in share {
        parts.append("\(leaf)")
        SummationTree.push(SummationTree.Node(start: leaf, level: 0), on: &own) { left, right in
          parts[left] = "(\(parts[left])+\(parts[right]))"
          parts.removeLast()
        }
      }
      #expect(own == SummationTree.nodes(of: share))
      for (node, part) in zip(own, parts) {
        texts.append(part)
        SummationTree.push(node, on: &nodes, merge: merge)
      }
    }
    SummationTree.finish(texts.count, merge: merge)
    #expect(texts.count == 1)
    return texts[0]
  }

  @Test func everyDivisionGivesTheSameParentheses() {
    for count in 1...40 {
      let whole = tree(0, 6, count)!
      // All divisions of up to 9 into contiguous nonempty shares; of more, those into two and
      // three.
      let cuts: [[Int]] =
        if count <= 9 {
          (0..<1 << (count - 1)).map { mask in (1..<count).filter { mask >> ($0 - 1) & 1 == 1 } }
        } else {
          (0...count).flatMap { a in (a...count).map { [a, $0] } }
        }
      for cut in cuts {
        let ends = [0] + cut + [count]
        let shares = zip(ends, ends.dropFirst()).map { $0..<$1 }
        #expect(sum(of: shares) == whole, "\(shares)")
      }
    }
  }

  @Test func aRankSendsFewNodes() {
    for start in 0..<65 {
      for end in start..<130 {
        let nodes = SummationTree.nodes(of: start..<end)
        #expect(
          nodes.map(\.start) == [start].prefix(nodes.count) + nodes.dropLast().map(\.end),
          "contiguous, in order")
        #expect(nodes.isEmpty ? start == end : nodes.last!.end == end)
        #expect(nodes.allSatisfy { $0.start % (1 << $0.level) == 0 })
        let length = end - start
        #expect(
          nodes.count <= max(1, 2 * (Int.bitWidth - length.leadingZeroBitCount - 1)),
          "\(nodes.count) nodes for \(length)")
      }
    }
  }
}
