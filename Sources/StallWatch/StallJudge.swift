import FlightRecorder

/// Finds out which rank the others wait for: a pure function of what is known of each.
///
/// Missing is a rank that has not entered a collective that others have entered, while it does
/// nothing. A rank that computes, reads or writes moves its counter and is never missing, however
/// long the others wait.
public enum StallJudge {
  /// The world's number as a communicator.
  package static let world: UInt64 = 1
  /// A wait this many times as long as is usual in the same place is a stall.
  package static let factor = 10.0

  /// The stall that is the most certain one, with the seconds that it has lasted; nil where there
  /// is none of at least `least` seconds.
  ///
  /// `size` is the number of ranks of the job, of which `ranks` may hold fewer: those not named are
  /// taken to be at work.
  public static func stall(of ranks: [RankState], size: Int, least: Double) -> Stall? {
    let waits = ranks.filter { ($0.wait?.seconds ?? 0) >= least && !$0.condition.isHalted }.sorted {
      $0.wait!.seconds > $1.wait!.seconds
    }
    for rank in waits { if let found = mismatch(rank, ranks, least) { return found } }
    for rank in waits { if let found = missing(rank, ranks, least) { return found } }
    if let found = stopped(ranks, least) { return found }
    for rank in waits { if let found = stuck(rank, ranks, least) { return found } }
    return crossed(waits, ranks, size)
  }

  /// The ranks that wait and would go on.
  private static func waiters(_ ranks: [RankState]) -> [Int] {
    ranks.filter { $0.wait != nil && !$0.condition.isHalted }.map(\.rank)
  }

  /// Others were in the same place of the same communicator with another collective.
  private static func mismatch(_ waiting: RankState, _ ranks: [RankState], _ least: Double)
    -> Stall?
  {
    let entry = waiting.wait!.entry
    var calls: [(rank: RankState, entry: FlightImage.Entry)] = []
    for rank in ranks {
      guard
        let other = rank.recent.last(where: {
          $0.group == entry.group && $0.sequence == entry.sequence
        })
      else { continue }
      calls.append((rank, other))
    }
    let differs = calls.contains {
      $0.entry.kind != entry.kind || (entry.kind.hasEqualBytes && $0.entry.bytes != entry.bytes)
    }
    guard differs else { return nil }
    return Stall(
      cause: .mismatch, missing: [], collective: entry, waiting: waiters(ranks),
      calls: calls.map { Stall.Call(rank: $0.rank.rank, host: $0.rank.host, entry: $0.entry) },
      seconds: waiting.wait!.seconds, usual: nil)
  }

  /// Members of the communicator that have not entered what this rank waits in.
  private static func missing(_ waiting: RankState, _ ranks: [RankState], _ least: Double) -> Stall?
  {
    let wait = waiting.wait!
    // Of a silent host's ranks it may not be known which communicators they are members of.
    let known = ranks.count { $0.entered(wait.entry.group) != nil }
    let lacksMembers = known < waiting.size(of: wait.entry.group)
    let behind = ranks.filter { rank in
      guard let entered = rank.entered(wait.entry.group) else {
        return lacksMembers && rank.condition == .unreachable && rank.groups.isEmpty
      }
      // Who stopped in a collective has entered it, and may have left the others in it.
      return entered < wait.entry.sequence
        || (rank.condition.isHalted && entered == wait.entry.sequence)
    }
    // Of those, the ones that no other rank keeps waiting.
    let roots = behind.filter { ($0.wait == nil || $0.condition.isHalted) && $0.quiet >= least }
    guard let quiet = roots.map(\.quiet).min() else { return nil }
    let isHalted = roots.allSatisfy(\.condition.isHalted)
    let isInside = roots.allSatisfy { $0.entered(wait.entry.group) == wait.entry.sequence }
    return Stall(
      cause: isHalted ? .halted : .missing, missing: roots.map(Stall.Rank.init),
      collective: wait.entry,
      relation: isInside ? .notLeft : .notEntered, waiting: waiters(ranks),
      seconds: min(quiet, wait.seconds), usual: isHalted ? nil : wait.usual)
  }

  /// Ranks that cannot go on, whether or not others wait already. A silent link alone is no stall.
  private static func stopped(_ ranks: [RankState], _ least: Double) -> Stall? {
    let halted = ranks.filter { $0.condition == .stopped && $0.quiet >= least }
    guard let quiet = halted.map(\.quiet).min() else { return nil }
    let last = halted.compactMap { $0.recent.last }.max {
      ($0.step, $0.sequence) < ($1.step, $1.sequence)
    }
    return Stall(
      cause: .halted, missing: halted.map(Stall.Rank.init), collective: last, relation: .last,
      waiting: waiters(ranks), seconds: quiet,
      usual: nil)
  }

  /// All have entered, and one does not leave.
  private static func stuck(_ waiting: RankState, _ ranks: [RankState], _ least: Double) -> Stall? {
    let wait = waiting.wait!
    let members = ranks.filter { $0.entered(wait.entry.group) != nil }
    let size = waiting.size(of: wait.entry.group)
    guard size > 0, members.count == size,
      members.allSatisfy({ $0.entered(wait.entry.group)! >= wait.entry.sequence })
    else { return nil }
    return Stall(
      cause: .stuck, missing: [], collective: wait.entry,
      waiting: members.filter { $0.wait != nil }.map(\.rank), seconds: wait.seconds,
      usual: wait.usual)
  }

  /// All ranks wait, each for another one in another communicator.
  private static func crossed(_ waits: [RankState], _ ranks: [RankState], _ size: Int) -> Stall? {
    guard size > 1, waits.count == size, let shortest = waits.last?.wait else { return nil }
    return Stall(
      cause: .mismatch, missing: [], collective: shortest.entry, waiting: waits.map(\.rank),
      calls: waits.map { Stall.Call(rank: $0.rank, host: $0.host, entry: $0.wait!.entry) }.sorted {
        $0.rank < $1.rank
      },
      seconds: shortest.seconds, usual: waits.compactMap { $0.wait?.usual }.max())
  }
}
