/// When each layer computes in a step, as times that count up: forward, the loss, then backward;
/// and, in a segment that is recomputed, forward again right before the segment's backward pass
/// (Chen et al. 2016, arXiv 1604.06174).
struct LayerSchedule {
  /// The time of the loss; a layer's index is the time of its forward pass.
  let end: Int
  /// When a layer computes forward again; nil where it does not.
  private(set) var again: [Int?]
  private(set) var backward: [Int]
  /// The layers of each segment.
  private let segments: [Range<Int>]

  init(_ nodes: [NetworkBuilder.Node]) {
    end = nodes.count
    again = nodes.map { _ in nil }
    backward = nodes.map { _ in 0 }
    var segments: [Range<Int>] = []
    for (index, node) in nodes.enumerated() where node.segment != nil {
      if let last = segments.last, last.upperBound == index,
        nodes[index - 1].segment == node.segment
      {
        segments[segments.count - 1] = last.lowerBound..<index + 1
      } else {
        segments.append(index..<index + 1)
      }
    }
    self.segments = segments
    var time = end
    for index in nodes.indices.reversed() {
      for layer in Self.needed(nodes, of: segment(endingAt: index)) {
        time += 1
        again[layer] = time
      }
      time += 1
      backward[index] = time
    }
  }

  /// The segment whose last layer this is; empty for none. Before that layer's backward pass those
  /// layers of it compute again that have an ``again``.
  func segment(endingAt layer: Int) -> Range<Int> {
    segments.first { $0.upperBound - 1 == layer } ?? 0..<0
  }

  /// The layers of a segment whose results, or what they leave, a backward pass reads.
  private static func needed(_ nodes: [NetworkBuilder.Node], of segment: Range<Int>) -> [Int] {
    var wanted: Set<Int> = []
    var layers: [Int] = []
    for layer in segment.reversed() {
      let (node, memory) = (nodes[layer], nodes[layer].layer.memory)
      let isRead =
        wanted.contains(node.result.index)
        || node.result.isTrained && (memory.saved > 0 || memory.keepsResult)
      if isRead { layers.append(layer) }
      for (position, input) in node.inputs.enumerated()
      where isRead || node.result.isTrained && memory.keepsInput(position) {
        wanted.insert(input.index)
      }
    }
    return layers.reversed()
  }
}
