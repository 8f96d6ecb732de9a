import FlightRecorder
import RankTesting
import StallWatch
import Testing

/// Which rank is missing, from synthetic states of ranks (D1).
struct StallJudgeTests {
  private static func entry(
    _ sequence: Int, _ kind: CollectiveKind = .allReduce, group: UInt64 = StallJudge.world,
    bytes: Int = 64, step: Int = 12
  ) -> FlightImage.Entry {
    FlightImage.Entry(
      number: sequence, group: group, sequence: sequence, kind: kind, bytes: bytes, step: step,
      entered: 1, left: nil)
  }

  private static func group(_ entered: Int, _ identifier: UInt64 = StallJudge.world, size: Int)
    -> FlightImage.Group
  {
    FlightImage.Group(identifier: identifier, size: size, entered: entered)
  }

  /// A rank that waits in the world's collective `sequence` for some seconds.
  private static func waiting(
    _ rank: Int, in entry: FlightImage.Entry = entry(7), _ seconds: Double, usual: Double? = nil,
    of size: Int = 3
  ) -> RankState {
    RankState(
      rank: rank, host: "node1", process: Int32(100 + rank), phase: .compute, step: entry.step,
      quiet: seconds,
      wait: RankState.Wait(entry: entry, seconds: seconds, usual: usual),
      groups: [group(entry.sequence, size: size)], recent: [entry])
  }

  private static func busy(
    _ rank: Int, quiet: Double, entered: Int = 6, _ condition: RankState.Condition = .running,
    _ phase: FlightPhase = .compute, of size: Int = 3
  ) -> RankState {
    RankState(
      rank: rank, host: "node2", process: Int32(100 + rank), condition: condition, phase: phase,
      step: 12, quiet: quiet,
      groups: [group(entered, size: size)], recent: [entry(entered)])
  }

  private static func judge(_ ranks: [RankState], least: Double = 10) -> Stall? {
    StallJudge.stall(of: ranks, size: ranks.count, least: least)
  }

  @Test func aRankThatHasNotEnteredAndDoesNothingIsMissing() throws {
    let stall = try #require(
      Self.judge([Self.waiting(0, 11), Self.busy(1, quiet: 12), Self.waiting(2, 11.5)]))
    #expect(
      stall.cause == .missing && stall.missing.map(\.rank) == [1] && stall.waiting == [0, 2]
        && stall.seconds == 11.5)
    #expect(
      stall.text
        == "rank 1 on node2 has not entered the all-reduce of step 12 (no. 7, 64 bytes) for 12 s: no progress in computing (process 101); ranks 0,2 wait"
    )
  }

  @Test func aRankThatWorksIsNotMissingHoweverLongTheOthersWait() {
    #expect(
      Self.judge([Self.waiting(0, 500), Self.busy(1, quiet: 0.1), Self.waiting(2, 500)]) == nil)
  }

  @Test func aStoppedProcessIsNamedWithWhatStartsItAgain() throws {
    // Stopped within the collective that the others left long ago; they wait in the next.
    var stopped = Self.waiting(1, in: Self.entry(6), 30)
    stopped.condition = .stopped
    let stall = try #require(
      Self.judge([Self.waiting(0, 29, usual: 9), stopped, Self.waiting(2, 29)]))
    #expect(stall.cause == .halted && stall.missing.map(\.rank) == [1])
    // Ten usual waits would be 90 s, but waiting does not help a stopped process.
    #expect(stall.limit(10) == 10)
    #expect(
      stall.text.contains("stopped (process 101; kill -CONT 101 lets it go on); ranks 0,2 wait"))
    // All three stopped: none of them waits.
    let all = try #require(Self.judge((0..<3).map { Self.busy($0, quiet: 15, .stopped) }))
    #expect(all.cause == .halted && all.missing.map(\.rank) == [0, 1, 2] && all.waiting.isEmpty)
    // Within a collective that it entered, and that the others cannot leave.
    var inside = Self.waiting(1, 20)
    inside.condition = .stopped
    let stuck = try #require(Self.judge([Self.waiting(0, 20), inside, Self.waiting(2, 20)]))
    #expect(stuck.missing.map(\.rank) == [1] && stuck.text.contains("has not left the all-reduce"))
    // All within one.
    let within = (0..<3).map { rank in
      var state = Self.waiting(rank, 20)
      state.condition = .stopped
      return state
    }
    let none = try #require(Self.judge(within))
    #expect(none.missing.map(\.rank) == [0, 1, 2] && none.waiting.isEmpty)
  }

  @Test func aRankThatWaitsForAThirdIsNotMissing() throws {
    // Rank 1 waits in a smaller communicator for rank 2, which does nothing.
    var second = Self.waiting(1, in: Self.entry(3, .barrier, group: 50), 40)
    second.groups = [Self.group(6, size: 3), Self.group(3, 50, size: 2)]
    var third = Self.busy(2, quiet: 41)
    third.groups.append(Self.group(2, 50, size: 2))
    let stall = try #require(Self.judge([Self.waiting(0, 42), second, third]))
    #expect(stall.missing.map(\.rank) == [2] && stall.waiting == [0, 1])
  }

  @Test func differentCollectivesAreReported() throws {
    let stall = try #require(
      Self.judge([
        Self.waiting(0, 12), Self.waiting(1, in: Self.entry(7, .barrier, bytes: 0), 12),
        Self.waiting(2, 12),
      ]))
    #expect(stall.cause == .mismatch && stall.calls.count == 3)
    #expect(
      stall.text.contains(
        "ranks 0,2 the all-reduce of 64 bytes, rank 1 the barrier of 0 bytes (no. 7)"),
      "\(stall.text)")
    let bytes = try #require(
      Self.judge([
        Self.waiting(0, 12, of: 2), Self.waiting(1, in: Self.entry(7, bytes: 32), 12, of: 2),
      ]))
    #expect(bytes.cause == .mismatch)
    // Crossed: each waits in another communicator for the other.
    var (first, other) = (
      Self.waiting(0, in: Self.entry(4, .barrier, group: 50), 12),
      Self.waiting(1, in: Self.entry(9, .barrier, group: 60), 12)
    )
    first.groups = [Self.group(6, size: 2), Self.group(4, 50, size: 2), Self.group(8, 60, size: 2)]
    other.groups = [Self.group(6, size: 2), Self.group(3, 50, size: 2), Self.group(9, 60, size: 2)]
    #expect(Self.judge([first, other])?.cause == .mismatch)
  }

  @Test func aCollectiveThatAllEnteredAndNoneLeavesIsReportedAsStuck() throws {
    let all = (0..<3).map { Self.waiting($0, 12) }
    let stall = try #require(Self.judge(all))
    #expect(stall.cause == .stuck && stall.text.contains("all ranks have entered the all-reduce"))
    // A rank without a report may be working.
    #expect(StallJudge.stall(of: Array(all.dropLast()), size: 3, least: 10) == nil)
  }

  @Test func aHostThatIsSilentIsNamedOnlyWhereOthersWait() throws {
    let silent = RankState(rank: 2, host: "node3", process: 9, condition: .unreachable, quiet: 60)
    #expect(Self.judge([Self.busy(0, quiet: 1), Self.busy(1, quiet: 1), silent]) == nil)
    let stall = try #require(Self.judge([Self.waiting(0, 12), Self.waiting(1, 12), silent]))
    #expect(
      stall.missing.map(\.rank) == [2] && stall.text.contains("rank 2 on node3")
        && stall.text.contains("does not answer"))
  }

  /// Others wait in a communicator of which it is not known whether a silent host's rank is a
  /// member: it is taken for one where the known ones are too few, and there alone.
  @Test func aSilentHostMayBeAMemberOfAnyCommunicator() throws {
    let silent = RankState(rank: 2, host: "node3", process: 9, condition: .unreachable, quiet: 60)
    func leaders(of size: Int) -> [RankState] {
      (0..<2).map { rank in
        var state = Self.waiting(rank, in: Self.entry(4, group: 50), 12)
        state.groups = [Self.group(6, size: 3), Self.group(4, 50, size: size)]
        return state
      }
    }
    let stall = try #require(Self.judge(leaders(of: 3) + [silent]))
    #expect(stall.cause == .halted && stall.missing.map(\.rank) == [2])
    let other = try #require(Self.judge(leaders(of: 2) + [silent]))
    #expect(other.cause == .stuck && other.missing.isEmpty)
  }

  // MARK: Limits

  @Test func aStallIsWarnedOfOnceAndEndsTheRunAtItsLimit() throws {
    var episode = StallEpisode(warn: 10, abort: 60)
    func stall(_ seconds: Double, phase: FlightPhase = .compute, usual: Double? = nil) throws
      -> Stall?
    {
      Self.judge([
        Self.waiting(0, seconds, usual: usual), Self.busy(1, quiet: seconds, .running, phase),
        Self.waiting(2, seconds),
      ])
    }
    #expect(try episode.observe(stall(9)).isEmpty)
    guard case .warn = try #require(try episode.observe(stall(10)).first) else {
      return #expect(Bool(false), "no warning")
    }
    #expect(try episode.observe(stall(11)).isEmpty)
    guard case .ended(_, let seconds) = try #require(episode.observe(nil).first) else {
      return #expect(Bool(false), "no end")
    }
    #expect(seconds == 11)
    // The limit is three times as long where files are read or written, and ten times the usual
    // wait where that is longer.
    #expect(try episode.observe(stall(61, phase: .checkpoint)).count == 1)
    guard case .abort = try #require(try episode.observe(stall(181, phase: .checkpoint)).first)
    else { return #expect(Bool(false), "no abort") }
    #expect(try StallEpisode(warn: 10, abort: 60).observing(stall(59, usual: 6)).isEmpty)
    // A limit of 0 disables warning and end.
    #expect(StallEpisode(warn: 0, abort: 0).least == nil)
  }

  /// Half an hour in which any rank may at any step be five times slower, at a micro-batch of 1.5 s
  /// when it is not: others wait for up to 24 s, and no rank is missing. The clock is simulated, so
  /// the load of the machine does not matter.
  @Test(arguments: 1...8) func stepsFiveTimesSlowerAreNoStall(seed: UInt64) {
    var random = SplitMix(state: seed)
    var episode = StallEpisode(warn: 10, abort: 600)
    let (ranks, microBatches, step) = (4, 4, 1.5)
    var (now, sequence, looks) = (0.0, 1, 0)
    while now < 1800 {
      // Each rank's micro-batches end at these times; the last one's end is when it enters.
      let ends = (0..<ranks).map { _ -> [Double] in
        let factor = random.next() % 4 == 0 ? 5.0 : 1
        return (1...microBatches).map { now + Double($0) * step * factor }
      }
      let end = ends.map { $0.last! }.max()!
      var time = now
      while time < end {
        let states = ends.enumerated().map { rank, ends -> RankState in
          if time >= ends.last! {
            return Self.waiting(rank, in: Self.entry(sequence), time - ends.last!, of: ranks)
          }
          return Self.busy(
            rank, quiet: time - (ends.last { $0 <= time } ?? now), entered: sequence - 1, of: ranks)
        }
        #expect(
          episode.observe(StallJudge.stall(of: states, size: ranks, least: 10)).isEmpty,
          "at \(time) s")
        looks += 1
        time += 0.5
      }
      (now, sequence) = (end, sequence + 1)
    }
    #expect(looks > 3000 && sequence > 50)
  }
}

extension StallEpisode {
  fileprivate func observing(_ stall: Stall?) -> [Action] {
    var copy = self
    return copy.observe(stall)
  }
}
