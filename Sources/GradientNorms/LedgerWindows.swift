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
  /// The record that travels: the number of words that add up, how many ranks have words outside
  /// the windows, the words of the windows, and the peaks.
  var record: [Int64]
  /// The record as this rank has sent it.
  private(set) var own: [Int64]

  /// Windows for totals of about 1.
  public init(_ layout: LedgerLayout) {
    first = [Int](repeating: Self.window(of: 1), count: layout.sumCount)
    record = [Int64](
      repeating: 0,
      count: Self.header + layout.sumCount * Self.width + NormLedger.peakWords * layout.peakCount)
    record[0] = Int64(1 + layout.sumCount * Self.width)
    own = record
  }

  /// Notes what this rank sends, in the memory that there is for it.
  mutating func keepOwn() {
    for word in record.indices { own[word] = record[word] }
  }

  /// The words of the record before the first window.
  static let header = 2

  /// Bytes of the record.
  public var bytes: Int { 8 * record.count }
  /// Words of the record.
  public var length: Int { record.count }

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
}

extension NormLedger {
  /// Lets a reduction over all ranks replace the ledger by the totals, by the words in the windows
  /// alone: the record is the same, to the bit, as by ``reduce(_:)``.
  ///
  /// - Parameters:
  ///   - windows: the same on all ranks; their record is what `body` gets, laid out as
  ///     ``combine(_:into:length:)`` takes it.
  ///   - body: replaces the record by that of all ranks together.
  /// - Returns: false where a rank has a word outside a window: then the ledger is as it was.
  public mutating func reduce<Failure>(
    within windows: inout LedgerWindows,
    _ body: (inout MutableSpan<Int64>) throws(Failure) -> Void
  ) throws(Failure) -> Bool {
    write(to: &windows)
    windows.keepOwn()
    var words = windows.record.mutableSpan
    try body(&words)
    let fits = windows.record[1] == 0
    read(from: fits ? windows.record : windows.own, by: windows)
    if fits { readTotals { windows.first[$0]..<windows.first[$0] + LedgerWindows.width } }
    return fits
  }

  /// Moves the words in the windows and the peaks to what travels, and says there whether others
  /// differ from zero.
  private mutating func write(to windows: inout LedgerWindows) {
    let (width, words, firstPeak) = (LedgerWindows.width, ExactSum.wordCount, firstPeak)
    withRecord { own in
      windows.record.withUnsafeMutableBufferPointer { sent in
        for sum in windows.first.indices {
          let from = own.baseAddress! + Self.header + sum * words + windows.first[sum]
          let to = sent.baseAddress! + LedgerWindows.header + sum * width
          to.update(from: from, count: width)
          from.update(repeating: 0, count: width)
        }
        (sent.baseAddress! + Int(sent[0]) + 1).update(
          from: own.baseAddress! + firstPeak, count: own.count - firstPeak)
        var outside: Int64 = 0
        for word in Self.header..<firstPeak { outside |= own[word] }
        sent[1] = outside == 0 ? 0 : 1
      }
    }
  }

  /// Takes back what has travelled.
  private mutating func read(from record: [Int64], by windows: LedgerWindows) {
    let (width, words, firstPeak) = (LedgerWindows.width, ExactSum.wordCount, firstPeak)
    withRecord { own in
      record.withUnsafeBufferPointer { sent in
        for sum in windows.first.indices {
          (own.baseAddress! + Self.header + sum * words + windows.first[sum]).update(
            from: sent.baseAddress! + LedgerWindows.header + sum * width, count: width)
        }
        (own.baseAddress! + firstPeak).update(
          from: sent.baseAddress! + Int(sent[0]) + 1, count: own.count - firstPeak)
      }
    }
  }
}
