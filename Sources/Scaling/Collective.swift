/// The algorithms by which Open MPI's `tuned` component moves large vectors (Thakur, Rabenseifner,
/// Gropp 2005), as rounds of messages.
enum Collective: Equatable {
  /// p − 1 rounds of bytes/p to the next rank: a reduce-scatter or an all-gather.
  case ring
  /// An all-gather between neighbours in turn: p/2 rounds, all but the first of 2·bytes/p. Even p
  /// only.
  case neighborExchange
  /// An all-gather in ⌈log₂p⌉ rounds of doubling length.
  case bruck
  /// A reduce-scatter in log₂ rounds of halving length, nearest ranks first; where p is no power of
  /// two, p − 2^⌊log₂p⌋ ranks hand everything to a neighbour before and get their piece back after.
  case recursiveHalving
  /// An allreduce in log₂ rounds of the whole length; the same folding.
  case recursiveDoubling
  /// An allreduce: recursive halving, then the same way back.
  case rabenseifner
  /// A reduce-scatter by halving, then one round that puts every piece where it belongs (Träff
  /// 2005).
  case butterfly
  /// Every rank sends its piece to every other at once.
  case allToAll

  func traffic(_ bytes: Double, _ placement: Placement) -> Traffic {
    let p = placement.rankCount
    guard p > 1 else { return Traffic() }
    let piece = bytes / Double(p)
    func everyone(_ length: Double, to peer: (Int) -> Int) -> Traffic {
      placement.round((0..<p).map { Message(from: $0, to: peer($0), bytes: length) })
    }
    switch self {
    case .ring: return (p - 1) * everyone(piece) { ($0 + 1) % p }
    case .neighborExchange:
      guard p % 2 == 0 else { return Collective.ring.traffic(bytes, placement) }
      // Each pair talks in two ways; in every other round a rank's partner is the one on its other
      // side.
      let pairs = [
        everyone(1) { $0 ^ 1 }, everyone(1) { $0 % 2 == 0 ? ($0 + p - 1) % p : ($0 + 1) % p },
      ]
      return (0..<p / 2).reduce(Traffic()) { sum, index in
        let length = index == 0 ? piece : 2 * piece
        var round = pairs[index % 2]
        (round.linkBytes, round.touchedBytes) = (
          round.linkBytes * length, round.touchedBytes * length
        )
        return sum + round
      }
    case .bruck:
      var (sum, distance) = (Traffic(), 1)
      while distance < p {
        let length = Double(min(distance, p - distance)) * piece
        sum = sum + everyone(length) { ($0 + p - distance) % p }
        distance *= 2
      }
      return sum
    case .recursiveHalving:
      return folded(placement, before: bytes, after: piece) { halving($0, bytes) }
    case .butterfly:
      let distant = everyone(piece) { ($0 + p / 2) % p }
      return folded(placement, before: bytes, after: piece) { halving($0, bytes) } + distant
    case .recursiveDoubling:
      return folded(placement, before: bytes, after: bytes) { group in
        powers(below: group.ranks.count).reduce(Traffic()) {
          $0 + group.exchange(distance: $1, bytes: bytes)
        }
      }
    case .rabenseifner:
      return folded(placement, before: bytes, after: bytes) { group in 2 * halving(group, bytes) }
    case .allToAll:
      // Not message by message: there are p² of them.
      var counts = [Double](repeating: 0, count: placement.hostCount)
      for host in placement.hosts { counts[host] += 1 }
      let crossing = counts.map { $0 * (Double(p) - $0) }.max()!
      // All messages are under way at once, but each is started and taken by itself.
      return Traffic(
        networkRounds: crossing > 0 ? 1 : 0, localRounds: Double(p - (crossing > 0 ? 2 : 1)),
        linkBytes: crossing * piece,
        touchedBytes: Double(p - 1) * piece)
    }
  }

  /// The ranks that are left when there are a power of two of them.
  private struct Group {
    let placement: Placement
    let ranks: [Int]

    func exchange(distance: Int, bytes: Double) -> Traffic {
      placement.round(
        ranks.indices.map { Message(from: ranks[$0], to: ranks[$0 ^ distance], bytes: bytes) })
    }
  }

  private func powers(below count: Int) -> [Int] {
    (0..<count.trailingZeroBitCount).map { 1 << $0 }
  }

  private func halving(_ group: Group, _ bytes: Double) -> Traffic {
    powers(below: group.ranks.count).reduce(Traffic()) { sum, distance in
      sum + group.exchange(distance: distance, bytes: bytes / Double(2 * distance))
    }
  }

  private func folded(
    _ placement: Placement, before: Double, after: Double, _ body: (Group) -> Traffic
  ) -> Traffic {
    let p = placement.rankCount
    let power = 1 << (Int.bitWidth - 1 - p.leadingZeroBitCount)
    let extra = p - power
    let group = Group(
      placement: placement, ranks: (0..<extra).map { 2 * $0 + 1 } + Array((2 * extra)..<p))
    let inner = body(group)
    guard extra > 0 else { return inner }
    return placement.round((0..<extra).map { Message(from: 2 * $0, to: 2 * $0 + 1, bytes: before) })
      + inner
      + placement.round((0..<extra).map { Message(from: 2 * $0 + 1, to: 2 * $0, bytes: after) })
  }

  // MARK: What Open MPI 4.1 and 5.0 choose by default for commutative sums, at the sizes of models

  static func reduceScatter(ranks: Int, bytes: Double) -> Collective {
    switch ranks {
    case ..<4: .ring
    case ..<32: bytes < 262_144 ? .recursiveHalving : .ring
    case ..<64: bytes < 524_288 ? .recursiveHalving : .ring
    default: .butterfly
    }
  }

  static func allGather(ranks: Int, bytes: Double) -> Collective {
    let piece = bytes / Double(ranks)
    switch ranks {
    case 2: return .ring
    case ..<8:
      if piece < 16_384 { return (4096..<8192).contains(piece) ? .ring : .neighborExchange }
      return piece < 262_144 ? .bruck : .neighborExchange
    case ..<16: return .bruck
    case ..<32: return piece < 262_144 ? .bruck : .ring
    case ..<128: return piece < 8192 ? .bruck : .ring
    case ..<256: return piece < 1024 ? .bruck : piece < 65_536 ? .neighborExchange : .ring
    case ..<512: return piece < 1024 ? .bruck : .ring
    case ..<1024: return piece < 4096 ? .bruck : piece < 1_048_576 ? .neighborExchange : .ring
    default: return piece < 4096 ? .bruck : .neighborExchange
    }
  }

  static func allReduce(ranks: Int, bytes: Double) -> Collective {
    switch ranks {
    case ..<4: bytes < 16_384 ? .recursiveDoubling : bytes < 262_144 ? .ring : .rabenseifner
    case ..<16: bytes < 8192 ? .recursiveDoubling : .rabenseifner
    case ..<64: bytes < 4096 ? .recursiveDoubling : .rabenseifner
    default: bytes < 262_144 ? .recursiveDoubling : .rabenseifner
    }
  }
}
