/// Words that add up and peaks of which the largest counts, in blocks of one length that each say
/// what they hold: so MPI can reduce some while others are on their way.
public struct LedgerBlocks: Sendable, Equatable {
  /// Words of a block: the first is 0 where the others add up, 1 where they are peaks, each a value
  /// and its rank.
  public static let length = 32
  private static let room = length - 1
  private static let roomForPeaks = room / NormLedger.peakWords * NormLedger.peakWords

  /// The blocks, one after the other.
  var words: [Int64]
  private let firstPeaks: Int

  init(sums: Int, peaks: Int) {
    func blocks(_ count: Int, _ room: Int) -> Int { (count + room - 1) / room }
    firstPeaks = blocks(sums, Self.room)
    words = [Int64](
      repeating: 0, count: Self.length * (firstPeaks + blocks(peaks, Self.roomForPeaks)))
    for block in stride(from: firstPeaks * Self.length, to: words.count, by: Self.length) {
      words[block] = 1
    }
  }

  /// Combines one block into another; commutes and associates to the bit.
  public static func combine(_ other: UnsafePointer<Int64>, into block: UnsafeMutablePointer<Int64>)
  {
    if block[0] == 0 {
      for index in 1..<length { block[index] &+= other[index] }
    } else {
      NormLedger.combinePeaks(other, into: block, from: 1, to: 1 + roomForPeaks)
    }
  }

  /// A word that adds up, by its place among them.
  func sum(at place: Int) -> Int64 {
    words[place / Self.room * Self.length + 1 + place % Self.room]
  }

  mutating func copy(from other: LedgerBlocks) {
    for index in words.indices { words[index] = other.words[index] }
  }

  mutating func write(_ body: (inout Place) -> Void) {
    let firstPeaks = firstPeaks
    words.withUnsafeMutableBufferPointer {
      var place = Place($0.baseAddress!, firstPeaks: firstPeaks)
      body(&place)
    }
  }

  func read(_ body: (inout Place) -> Void) {
    words.withUnsafeBufferPointer {
      var place = Place(UnsafeMutablePointer(mutating: $0.baseAddress!), firstPeaks: firstPeaks)
      body(&place)
    }
  }

  /// A place in the blocks, which moves on.
  struct Place {
    private let base: UnsafeMutablePointer<Int64>
    private let firstPeaks: Int
    private var room = LedgerBlocks.room
    private var next: UnsafeMutablePointer<Int64>
    private var left: Int

    init(_ base: UnsafeMutablePointer<Int64>, firstPeaks: Int) {
      (self.base, self.firstPeaks) = (base, firstPeaks)
      (next, left) = (base + 1, room)
    }

    /// Goes on with the peaks.
    mutating func beginPeaks() {
      room = LedgerBlocks.roomForPeaks
      (next, left) = (base + firstPeaks * LedgerBlocks.length + 1, room)
    }

    mutating func append(_ words: UnsafePointer<Int64>, _ count: Int) {
      step(count) { place, offset, count in place.update(from: words + offset, count: count) }
    }

    mutating func take(_ words: UnsafeMutablePointer<Int64>, _ count: Int) {
      step(count) { place, offset, count in (words + offset).update(from: place, count: count) }
    }

    private mutating func step(
      _ count: Int, _ move: (UnsafeMutablePointer<Int64>, _ offset: Int, _ count: Int) -> Void
    ) {
      var done = 0
      while done < count {
        if left == 0 { (next, left) = (next + LedgerBlocks.length - room, room) }
        let some = min(left, count - done)
        move(next, done, some)
        (next, left, done) = (next + some, left - some, done + some)
      }
    }
  }
}
