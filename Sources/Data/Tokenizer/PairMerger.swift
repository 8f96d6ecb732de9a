/// Merges the bytes of a word, the pair that comes first in the list of merges first and of equal
/// ones the leftmost, in O(n log n): a queue of pairs over a linked list of tokens, as Hugging
/// Face's library does it.
struct PairMerger {
  private let tokenizer: Tokenizer
  private var ids: [Int32] = []
  /// The neighbors of each token that is left; −1 for none.
  private var left: [Int32] = []
  private var right: [Int32] = []
  /// A heap of pairs: a merge's rank, then the place of its left token.
  private var queue: [UInt64] = []

  init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  /// Appends a word's tokens. Each of its bytes is a token.
  mutating func merge(_ word: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32]) {
    let count = word.count
    ids.removeAll(keepingCapacity: true)
    left.removeAll(keepingCapacity: true)
    right.removeAll(keepingCapacity: true)
    queue.removeAll(keepingCapacity: true)
    for (place, byte) in word.enumerated() {
      ids.append(tokenizer.byteTokens[Int(byte)])
      left.append(Int32(place) - 1)
      right.append(place + 1 < count ? Int32(place) + 1 : -1)
    }
    for place in 0..<count { add(place) }
    while let next = pop() {
      let (rank, place) = (Int(next >> 32), Int(next & 0xFFFF_FFFF))
      let new = tokenizer.merged[rank]
      // What the pair was made of may be merged with others by now.
      guard ids[place] >= 0, right[place] >= 0, case let other = Int(right[place]),
        tokenizer.merges[Tokenizer.pair(ids[place], ids[other])]?.id == new
      else { continue }
      ids[place] = new
      ids[other] = -1
      right[place] = right[other]
      if right[other] >= 0 { left[Int(right[other])] = Int32(place) }
      if left[place] >= 0 { add(Int(left[place])) }
      add(place)
    }
    for id in ids where id >= 0 { tokens.append(id) }
  }

  /// Puts the pair that begins at a place into the queue, where it can be merged.
  private mutating func add(_ place: Int) {
    guard right[place] >= 0,
      let merge = tokenizer.merges[Tokenizer.pair(ids[place], ids[Int(right[place])])]
    else { return }
    queue.append(UInt64(merge.rank) << 32 | UInt64(place))
    var child = queue.count - 1
    while child > 0, case let parent = (child - 1) / 2, queue[child] < queue[parent] {
      queue.swapAt(child, parent)
      child = parent
    }
  }

  /// Takes the smallest out of the queue.
  private mutating func pop() -> UInt64? {
    guard let smallest = queue.first else { return nil }
    let last = queue.removeLast()
    guard !queue.isEmpty else { return smallest }
    queue[0] = last
    var parent = 0
    while case let child = 2 * parent + 1, child < queue.count {
      let next = child + 1 < queue.count && queue[child + 1] < queue[child] ? child + 1 : child
      guard queue[next] < queue[parent] else { break }
      queue.swapAt(next, parent)
      parent = next
    }
    return smallest
  }
}
