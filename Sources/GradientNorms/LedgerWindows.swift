/// Which words of a ledger's sums travel: a few neighbouring limbs of each (``ExactSum``), the others
/// being zero on all ranks.
///
/// Where a sum's window lies follows from the last reduced ledger, so it is the same on all ranks
/// and never shows in a total: a rank with a word outside a window says so, and then all ranks send
/// their whole ledgers. A window has room for a total 2³² times the last one, and for terms down to
/// 2⁻⁶⁴ of it to their last bit.
public struct LedgerWindows: Sendable, Equatable {
  /// The limbs of a sum that travel.
  static let width = 6
  /// A window's limbs above the one that a total's first bit is in.
  private static let above = 1

  /// Each sum's first limb that travels.
  private(set) var first: [Int]
  /// What travels: the words that add up, then the peaks, in blocks.
  private(set) var blocks: LedgerBlocks
  /// The same as this rank has sent it.
  private var own: LedgerBlocks

  /// Windows for totals of about 1.
  public init(_ layout: LedgerLayout) {
    first = [Int](repeating: Self.window(of: 1), count: layout.sumCount)
    blocks = LedgerBlocks(
      sums: 1 + layout.sumCount * Self.width, peaks: NormLedger.peakWords * layout.peakCount)
    own = blocks
  }

  /// Bytes of what travels.
  public var bytes: Int { 8 * blocks.words.count }

  /// The first limb of the window around a total.
  private static func window(of total: Double) -> Int {
    let top = (Int(total.exponent) - ExactSum.lowestExponent) / ExactSum.limbBits
    return min(max(0, top + above + 1 - width), ExactSum.limbCount - width)
  }

  /// Moves the windows to the totals of a reduced ledger. A sum without a total, or one that is not
  /// finite, keeps its window.
  public mutating func follow(_ ledger: NormLedger) {
    for sum in first.indices {
      let total = ledger.total(sum)
      if total.isFinite && total != 0 { first[sum] = Self.window(of: abs(total)) }
    }
  }

  /// Moves the words in the windows, and the peaks, from a record to what travels.
  fileprivate mutating func take(
    from record: UnsafeMutableBufferPointer<Int64>, peaksAt firstPeak: Int
  ) {
    let (width, start) = (Self.width, record.baseAddress! + NormLedger.header)
    blocks.write { writer in
      for sum in first.indices {
        let window = start + sum * ExactSum.wordCount + first[sum]
        writer.append(window, width)
        window.update(repeating: 0, count: width)
      }
      var outside: Int64 = 0
      for word in NormLedger.header..<firstPeak { outside |= record[word] }
      var flag: Int64 = outside == 0 ? 0 : 1
      writer.append(&flag, 1)
      writer.beginPeaks()
      writer.append(record.baseAddress! + firstPeak, record.count - firstPeak)
    }
    own.copy(from: blocks)
  }

  /// Lets `body` reduce what travels; whether all ranks' words were in the windows.
  fileprivate mutating func reduce<Failure>(
    _ body: (inout MutableSpan<Int64>) throws(Failure) -> Void
  ) throws(Failure) -> Bool {
    var words = blocks.words.mutableSpan
    try body(&words)
    return blocks.sum(at: first.count * Self.width) == 0
  }

  /// Moves what has travelled, or what this rank has sent, back to the record.
  fileprivate func put(
    sent: Bool, into record: UnsafeMutableBufferPointer<Int64>, peaksAt firstPeak: Int
  ) {
    let (width, start) = (Self.width, record.baseAddress! + NormLedger.header)
    (sent ? own : blocks).read { reader in
      for sum in first.indices {
        reader.take(start + sum * ExactSum.wordCount + first[sum], width)
      }
      reader.beginPeaks()
      reader.take(record.baseAddress! + firstPeak, record.count - firstPeak)
    }
  }
}

extension NormLedger {
  /// Lets a reduction over all ranks replace the ledger by the totals, by the words in the windows
  /// alone: the record is the same, to the bit, as by ``reduce(_:)``.
  ///
  /// - Parameters:
  ///   - windows: the same on all ranks.
  ///   - body: replaces blocks by those of all ranks together (``LedgerBlocks/combine(_:into:)``).
  /// - Returns: false where a rank has a word outside a window: then the ledger is as it was.
  public mutating func reduce<Failure>(
    within windows: inout LedgerWindows,
    _ body: (inout MutableSpan<Int64>) throws(Failure) -> Void
  ) throws(Failure) -> Bool {
    let firstPeak = firstPeak
    withRecord { windows.take(from: $0, peaksAt: firstPeak) }
    let fits = try windows.reduce(body)
    withRecord { windows.put(sent: !fits, into: $0, peaksAt: firstPeak) }
    if fits { readTotals { windows.first[$0]..<windows.first[$0] + LedgerWindows.width } }
    return fits
  }
}
