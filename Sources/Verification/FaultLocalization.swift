import Recording

/// Finds, in the traces of one experiment at several rank counts, the first stage that was computed
/// otherwise somewhere, and by whom.
///
/// Stages are compared in the order they happened, so that everything a stage was computed from is
/// known to be right when it is judged: what differs there went wrong there. A micro-batch, a grain
/// or a block was computed by one rank of each run; the value that most runs have is taken for
/// right, among equally frequent ones that of the run with the fewest ranks. What all ranks hold is
/// right as most runs have it, then as most ranks have it. A ledger that was sent is held against
/// the sum of its own entries.
public enum FaultLocalization {
  /// `runs` stand in the order of their rank counts. Nil where nothing differs.
  public static func firstFault(in runs: [TracedRun]) -> FirstDivergence? {
    // Runs that were broken off are compared as far as they came.
    let lines = runs.flatMap { $0.records.map(\.count) }.min() ?? 0
    for line in 0..<lines {
      let stages = runs.map { run in run.records.map { $0[line].stages } }
      let count = stages.flatMap { $0.map(\.count) }.min() ?? 0
      for stage in 0..<count {
        let values = stages.map { $0.map { $0[stage] } }
        if let blame = judge(
          values, runs, step: runs[0].records[0][line].step,
          entries: { run, rank in stages[run][rank][..<stage] })
        {
          return blame
        }
      }
    }
    return nil
  }

  /// A value somewhere that is not the right one.
  private struct Deviation {
    var run: Int
    var rank: Int
    var unit: Int?
    var found: UInt64
    var expected: UInt64
  }

  private static func judge(
    _ stages: [[StepTrace.Stage]], _ runs: [TracedRun], step: Int,
    entries: (_ run: Int, _ rank: Int) -> ArraySlice<StepTrace.Stage>
  ) -> FirstDivergence? {
    let kind = stages[0][0].kind
    let deviations =
      switch kind.unit {
      case .microBatch, .grain, .block: divided(stages)
      case .all: shared(stages)
      case .rank: sent(stages, entries)
      }
    guard let first = deviations.first else { return nil }
    // Where every rank of a run that did any of it did it otherwise, no rank stands out.
    let ranks = Set(deviations.filter { $0.run == first.run }.map(\.rank))
    let able = stages[first.run].indices.filter { !stages[first.run][$0].values.isEmpty }
    let isWholeRun = able.count > 1 && ranks.count == able.count
    let culprits = Set(deviations.map { [$0.run, $0.rank] }).count
    let header = runs[first.run].headers[first.rank]
    return FirstDivergence(
      step: step, kind: kind, unit: first.unit, ranks: header.ranks,
      rank: isWholeRun ? nil : first.rank,
      host: isWholeRun ? nil : header.host,
      others: isWholeRun ? 0 : culprits - 1,
      tensor: kind.unit == .grain ? first.unit.flatMap { header.tensor(ofGrain: $0) } : nil,
      found: first.found, expected: first.expected)
  }

  /// Units that are dealt to the ranks of each run.
  private static func divided(_ stages: [[StepTrace.Stage]]) -> [Deviation] {
    let runs = stages.map { run in
      run.enumerated().flatMap { rank, stage in
        stage.values.enumerated().map { (unit: stage.first + $0, rank: rank, value: $1) }
      }
      .sorted { $0.unit < $1.unit }
    }
    var deviations: [Deviation] = []
    for unit in 0..<(runs.map(\.count).min() ?? 0) {
      let votes = runs.map { $0[unit].value }
      let expected = commonest(votes)
      for (run, value) in votes.enumerated() where value != expected {
        deviations.append(
          Deviation(
            run: run, rank: runs[run][unit].rank, unit: runs[run][unit].unit, found: value,
            expected: expected))
      }
    }
    return deviations
  }

  /// A value that every rank of every run holds.
  private static func shared(_ stages: [[StepTrace.Stage]]) -> [Deviation] {
    let runs = stages.map { $0.map { $0.values.first ?? 0 } }
    var votes: [UInt64: (runs: Int, ranks: Int, first: Int)] = [:]
    for (index, values) in runs.enumerated() {
      let counts = Dictionary(grouping: values) { $0 }.mapValues(\.count)
      let most = counts.values.max() ?? 0
      for (value, count) in counts {
        let before = votes[value] ?? (0, 0, index)
        votes[value] = (before.runs + (count == most ? 1 : 0), before.ranks + count, before.first)
      }
    }
    let best = votes.max { a, b in
      (a.value.runs, a.value.ranks, -a.value.first) < (b.value.runs, b.value.ranks, -b.value.first)
    }
    guard let expected = best?.key else { return [] }
    return runs.enumerated().flatMap { run, values in
      values.enumerated().filter { $0.element != expected }.map {
        Deviation(run: run, rank: $0.offset, found: $0.element, expected: expected)
      }
    }
  }

  /// Ledgers that should be the sums of their last entries.
  private static func sent(
    _ stages: [[StepTrace.Stage]],
    _ entries: (_ run: Int, _ rank: Int) -> ArraySlice<StepTrace.Stage>
  ) -> [Deviation] {
    var deviations: [Deviation] = []
    for (run, ranks) in stages.enumerated() {
      for (rank, stage) in ranks.enumerated() {
        let before = entries(run, rank)
        let parts = [StepTrace.Kind.microBatchEntries, .grainEntries].flatMap { kind in
          before.last { $0.kind == kind }?.values ?? []
        }
        let (found, expected) = (stage.values.first ?? 0, parts.reduce(0, &+))
        if found != expected {
          deviations.append(Deviation(run: run, rank: rank, found: found, expected: expected))
        }
      }
    }
    return deviations
  }

  /// The most frequent value; among equally frequent ones the first.
  private static func commonest(_ values: [UInt64]) -> UInt64 {
    var counts: [UInt64: Int] = [:]
    for value in values { counts[value, default: 0] += 1 }
    let most = counts.values.max() ?? 0
    return values.first { counts[$0] == most } ?? 0
  }
}
