// Fingerprints by which ledgers are compared between ranks and between runs on different numbers of
// ranks.
extension NormLedger {
  /// A rank's own business, whose sum depends on how many ranks there are, or on who got a signal.
  private static let personal: Set<Sum> = [.nonFinite, .stopRequests, .checkpointRequests]

  /// Σ wordᵢ·kᵢ mod 2⁶⁴ over the words that add up, kᵢ odd and different for every word.
  ///
  /// It is linear, as those words are: the fingerprint of a rank's ledger is the sum of what each
  /// entry added to it, and that of the total is the sum of the ranks'. One flipped bit always
  /// shows.
  public var additiveFingerprint: UInt64 {
    var sum: UInt64 = 0
    forEachSharedWord { index, word in
      sum &+= UInt64(bitPattern: word) &* (Self.mix(UInt64(index)) | 1)
    }
    return sum
  }

  /// 64 bits of all totals and peaks, without the ranks that the peaks belong to.
  public var fingerprint: UInt64 {
    var digest = UInt64(record.count)
    forEachSharedWord { _, word in digest = Self.mix(digest ^ UInt64(bitPattern: word)) }
    for place in stride(from: 1 + Int(record[0]), to: record.count, by: 2) {
      digest = Self.mix(digest ^ UInt64(bitPattern: record[place]))
    }
    return digest
  }

  /// Calls `body` with every word of the sums but the personal ones.
  private func forEachSharedWord(_ body: (_ index: Int, _ word: Int64) -> Void) {
    let words = ExactSum.wordCount
    let left = Self.personal.map { layout.index($0) }
    for sum in 0..<Int(record[0]) / words where !left.contains(sum) {
      for word in sum * words..<(sum + 1) * words { body(word, record[1 + word]) }
    }
  }

  /// SplitMix64's finaliser.
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
