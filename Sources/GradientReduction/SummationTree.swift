/// The fixed order in which a step's micro-batch gradients are added: a binary tree over the
/// micro-batches' numbers.
///
/// Floating-point addition does not associate, so a sum has the same bits at every rank count only
/// if it is always made in the same order. Here node [s, s + 2ᵏ), s a multiple of 2ᵏ, is the sum of
/// its two halves; a half that lies past the last micro-batch is left out. A rank that holds a
/// contiguous range of micro-batches adds up the largest nodes inside it, at most 2·log₂ of them,
/// and sends those; their owner adds the rest of the tree. Which nodes a rank sends depends on the
/// number of ranks; the additions do not.
public struct SummationTree {
  /// One node: its first micro-batch, and the k of its 2ᵏ places.
  public struct Node: Equatable, Sendable {
    public var start: Int
    public var level: Int
    public var end: Int { start + 1 << level }

    public init(start: Int, level: Int) {
      self.start = start
      self.level = level
    }

    /// Whether `other` is the right half of the node whose left half this is.
    func isLeftOf(_ other: Node) -> Bool {
      level == other.level && end == other.start && start >> level & 1 == 0
    }
    var parent: Node { Node(start: start, level: level + 1) }
  }

  /// The largest nodes that make up a range of micro-batches, in order: what `merges(of:into:)`
  /// leaves when they are added one by one.
  public static func nodes(of range: Range<Int>) -> [Node] {
    var nodes: [Node] = []
    for leaf in range { push(Node(start: leaf, level: 0), on: &nodes) { _, _ in } }
    return nodes
  }

  /// The most partial sums that there are at a time when a range of micro-batches is added one by
  /// one: each new one joins those before it first.
  public static func mostNodes(of range: Range<Int>) -> Int {
    var nodes: [Node] = []
    var most = 0
    for leaf in range {
      most = max(most, nodes.count + 1)
      push(Node(start: leaf, level: 0), on: &nodes) { _, _ in }
    }
    return most
  }

  /// Appends a node and calls `merge(left, right)`, by their places in the list, for each addition
  /// that it completes.
  public static func push(
    _ node: Node, on nodes: inout [Node], merge: (_ left: Int, _ right: Int) -> Void
  ) {
    nodes.append(node)
    while nodes.count >= 2, nodes[nodes.count - 2].isLeftOf(nodes[nodes.count - 1]) {
      let parent = nodes[nodes.count - 2].parent
      merge(nodes.count - 2, nodes.count - 1)
      nodes.removeLast(2)
      nodes.append(parent)
    }
  }

  /// Calls `merge(left, right)` for the additions that are left at the end of the micro-batches,
  /// where the tree is incomplete: from the right.
  public static func finish(_ count: Int, merge: (_ left: Int, _ right: Int) -> Void) {
    for right in stride(from: count - 1, to: 0, by: -1) { merge(right - 1, right) }
  }
}
