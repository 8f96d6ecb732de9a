import Recording
import Testing
import Verification

/// Synthetic traces: one micro-batch or tile changed, one total, one replica.
@Suite struct LocalizationTests {
  private static let header = [
    TraceHeader.Tensor(name: "a", grains: 3), TraceHeader.Tensor(name: "b", grains: 3),
  ]

  /// A run of two steps over 6 micro-batches and 6 tiles, dealt contiguously; all values follow
  /// from unit and step.
  private static func run(_ ranks: Int) -> TracedRun {
    let shares = (0..<ranks).map { 6 * $0 / ranks..<6 * ($0 + 1) / ranks }
    return TracedRun(
      headers: (0..<ranks).map {
        TraceHeader(rank: $0, ranks: ranks, host: "host\($0)", tensors: header)
      },
      records: shares.map { share in
        (0...2).map { step in
          func stage(_ kind: StepTrace.Kind, _ salt: Int) -> StepTrace.Stage {
            StepTrace.Stage(
              kind, first: share.lowerBound, share.map { UInt64(1000 * step + 100 * salt + $0) })
          }
          let weights = StepTrace.Stage(.weights, [UInt64(step)])
          guard step > 0 else { return StepTrace(step: 0, stages: [weights]) }
          let (micro, grains) = (stage(.microBatchEntries, 4), stage(.grainEntries, 5))
          return StepTrace(
            step: step,
            stages: [
              stage(.gradient, 1), stage(.loss, 2), stage(.sum, 3), micro, grains,
              StepTrace.Stage(.sent, [(micro.values + grains.values).reduce(0, &+)]),
              StepTrace.Stage(.total, [77]), stage(.update, 6),
              weights,
            ])
        }
      })
  }

  private static let counts = [1, 2, 3, 4]
  private static var sound: [TracedRun] { counts.map(run) }

  @Test func equalTracesHaveNoFault() {
    #expect(FaultLocalization.firstFault(in: Self.sound) == nil)
  }

  /// One changed bit in any stage of any rank of any run is found, and its rank is named.
  @Test func oneChangedValueIsFound() throws {
    for run in 1..<4 {
      for rank in 0..<Self.counts[run] {
        for (place, stage) in Self.sound[run].records[rank][2].stages.enumerated() {
          var runs = Self.sound
          runs[run].records[rank][2].stages[place].values[0] ^= 1 << 40
          let blame = try #require(FaultLocalization.firstFault(in: runs), "\(stage.kind)")
          #expect(
            blame.kind == stage.kind && blame.step == 2 && blame.ranks == run + 1
              && blame.rank == rank, "\(blame.text)")
          #expect(blame.host == "host\(rank)" && blame.others == 0)
          #expect(blame.found ^ blame.expected == 1 << 40)
          let isDealt = [.microBatch, .grain, .block].contains(stage.kind.unit)
          #expect(blame.unit == (isDealt ? stage.first : nil))
          #expect(blame.tensor == (stage.kind.unit == .grain ? (stage.first < 3 ? "a" : "b") : nil))
        }
      }
    }
  }

  /// A fault shows in all later stages; the first counts, and other ranks that received its values
  /// are not blamed.
  @Test func theFirstStageCounts() throws {
    var runs = Self.sound
    runs[3].records[1][1].stages[0].values[0] ^= 1
    for rank in 0..<4 {
      for stage in [2, 4, 6, 7, 8] {
        for place in runs[3].records[rank][1].stages[stage].values.indices {
          runs[3].records[rank][1].stages[stage].values[place] ^= 5
        }
      }
    }
    let blame = try #require(FaultLocalization.firstFault(in: runs))
    #expect(
      blame.text
        == "at step 1 rank 1 (host1) of the run on 4 ranks computed another gradient of micro-batch 1 "
        + "(0x000000000000044c instead of 0x000000000000044d)")
  }

  @Test func theRunOnOneRankCanBeWrongToo() throws {
    var runs = Self.sound
    runs[0].records[0][1].stages[7].values[4] ^= 1
    let blame = try #require(FaultLocalization.firstFault(in: runs))
    #expect(blame.ranks == 1 && blame.rank == 0 && blame.kind == .update && blame.tensor == "b")
  }

  @Test func ofTwoRunsTheOneOnFewerRanksIsRightUnlessItsReplicasDiffer() throws {
    var runs = [Self.run(1), Self.run(2)]
    runs[1].records[0][1].stages[8].values[0] ^= 1
    #expect(try #require(FaultLocalization.firstFault(in: runs)).rank == 0)
    runs = [Self.run(1), Self.run(2)]
    runs[0].records[0][1].stages[8].values[0] ^= 1
    let blame = try #require(FaultLocalization.firstFault(in: runs))
    #expect(blame.ranks == 1 && blame.rank == 0, "two replicas agree against one")
    runs = [Self.run(2), Self.run(3)]
    runs[0].records[1][1].stages[0].values[0] ^= 1
    #expect(
      try #require(FaultLocalization.firstFault(in: runs)).ranks == 3,
      "the run with fewer ranks counts as right")
  }

  @Test func aWholeRunThatDiffersNamesNoRank() throws {
    var runs = Self.sound
    for rank in 0..<3 { runs[2].records[rank][1].stages[6].values[0] = 1 }
    let blame = try #require(FaultLocalization.firstFault(in: runs))
    #expect(
      blame.rank == nil && blame.ranks == 3
        && blame.text.hasPrefix("at step 1 the run on 3 ranks has other totals of the ledger"))
  }

  @Test func anInterruptedRunIsComparedUpToItsLastStep() throws {
    var runs = Self.sound
    runs[3].records[2].removeLast()
    #expect(FaultLocalization.firstFault(in: runs) == nil)
    runs[3].records[3][1].stages[0].values[0] ^= 1
    #expect(try #require(FaultLocalization.firstFault(in: runs)).rank == 3)
  }

  @Test func tracesAreReadAsWritten() throws {
    let run = Self.run(3)
    func bytes(_ rank: Int) -> [UInt8] {
      (JSONText(of: run.headers[rank]).string + "\n"
        + run.records[rank].map { JSONText(of: $0).string + "\n" }.joined()).utf8.map { $0 }
    }
    #expect(try TracedRun(ranks: 3) { bytes($0) } == run)
    let torn = try TracedRun(ranks: 3) { $0 == 1 ? bytes(1).dropLast(20) : bytes($0) }
    #expect(torn.records[1] == run.records[1].dropLast())
    #expect { try TracedRun(ranks: 3) { $0 == 2 ? nil : bytes($0) } } throws: {
      "\($0)".contains("trace/rank-2.jsonl of the run on 3 ranks is missing")
    }
    #expect { try TracedRun(ranks: 1) { _ in Array("{}\n{}\n".utf8) } } throws: {
      "\($0)".contains("is damaged")
    }
  }
}
