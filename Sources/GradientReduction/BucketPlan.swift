import Vectors

/// How a flat vector is cut into buckets, and each bucket into pieces, one for each of the ranks
/// that own it together.
struct BucketPlan {
  struct Bucket {
    let range: Range<Int>
    /// Neighbours in the order of the owners; any may be empty.
    let pieces: [Range<Int>]

    /// What of the range the pieces are.
    var column: Range<Int> { pieces[0].lowerBound..<pieces[pieces.count - 1].upperBound }
  }

  /// Last first: in the order in which a backward pass completes them.
  let buckets: [Bucket]

  /// `piece` gives the part of a bucket that one of `owners` has; without one each bucket is
  /// divided at tiles and whole tensors, and so that the owners have equally much work of all
  /// buckets, to within one of these.
  /// `bytes` is a bucket's size where it is not to follow from the vector's.
  init(
    _ layout: TensorLayout, bytes: Int? = nil, owners: Int,
    piece: ((_ range: Range<Int>, _ owner: Int) -> Range<Int>)? = nil
  ) {
    let stride = MemoryLayout<Float>.stride
    let bytes = bytes ?? Self.bytes(layout.elementCount * stride, owners: owners)
    var division = EvenDivision(layout, owners: owners)
    buckets = Self.cut(layout, every: max(bytes / stride, TensorLayout.alignment)).map { range in
      let pieces = piece.map { piece in (0..<owners).map { piece(range, $0) } }
      return Bucket(range: range, pieces: pieces ?? division.pieces(of: range))
    }
  }

  private init(_ buckets: [Bucket]) { self.buckets = buckets }

  /// The same buckets, and of each only the pieces of some neighbouring owners.
  func column(_ owners: Range<Int>) -> BucketPlan {
    BucketPlan(buckets.map { Bucket(range: $0.range, pieces: Array($0.pieces[owners])) })
  }

  /// What an owner has of all buckets.
  func owned(by owner: Int) -> OwnedRanges {
    OwnedRanges(buckets.reversed().map { $0.pieces[owner] })
  }

  /// The size of a bucket, for a vector of some bytes with some owners.
  ///
  /// A piece is to be a message that Open MPI sends by TCP without asking the receiver, at most 64 KB
  /// with its header: a larger one waits until both sides call MPI again, and of several that are
  /// under way the first parts of all go before the rest of any. A large model needs no more than
  /// some dozens of buckets.
  static func bytes(_ vector: Int, owners: Int) -> Int { max(owners * (60 << 10), vector / 64) }

  /// Where buckets begin and end, last first: at the borders of tensors, the first one before which
  /// at least `size` elements are complete; a run that a large tensor makes longer is divided
  /// again, at tiles, unless the tensor is to stay whole.
  private static func cut(_ layout: TensorLayout, every size: Int) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var end = layout.elementCount
    for (index, segment) in layout.segments.enumerated().reversed() {
      let start = index == 0 ? 0 : segment.range.lowerBound
      guard end - start >= size || start == 0, end > start else { continue }
      let run = start..<end
      let count = max(1, (run.count + size - 1) / size)
      ranges += (0..<count).reversed().map { layout.slice($0, of: count, in: run) }
        .filter { !$0.isEmpty }
      end = start
    }
    return ranges
  }
}

/// Divides one range after another among owners, so that they have equally much work of all
/// together.
private struct EvenDivision {
  private let layout: TensorLayout
  private let owners: Int
  /// The work so far, and what of it the first 1, 2, … owners have.
  private var total = 0
  private var owned: [Int]

  init(_ layout: TensorLayout, owners: Int) {
    (self.layout, self.owners) = (layout, owners)
    owned = [Int](repeating: 0, count: owners)
  }

  /// The owners' pieces of a range, cut at tiles and whole tensors.
  mutating func pieces(of range: Range<Int>) -> [Range<Int>] {
    let before = layout.load(before: range.lowerBound)
    total += layout.load(before: range.upperBound) - before
    var pieces: [Range<Int>] = []
    var start = range.lowerBound
    for owner in 0..<owners {
      var end = range.upperBound
      if owner + 1 < owners {
        let share = total / owners * (owner + 1) + total % owners * (owner + 1) / owners
        let border = layout.border(atLoad: max(before + share - owned[owner], before))
        end = max(start, min(border, range.upperBound))
      }
      owned[owner] += layout.load(before: end) - before
      pieces.append(start..<end)
      start = end
    }
    return pieces
  }
}
