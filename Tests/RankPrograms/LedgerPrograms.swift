import Glibc
import GradientNorms
import GradientReduction
import MPI
import Recording
import Vectors

/// What travels of a step's ledger: the same totals as by whole ledgers, and what it costs.
let ledgerPrograms: [RankProgram] = [
  RankProgram("ledger-windows") { world, _ in
    var cases: [Case] = []
    for ranks in 1...8 {
      cases.append(
        Case("sums of any size on \(ranks) ranks", ranks: ranks) { part in
          let seen = try compare(steps: 150, on: part, isErratic: true)
          // Both ways are taken, also where every rank but one has nothing outside its windows.
          try expect(
            (5..<140).contains(seen), "\(seen) of 150 ledgers did not fit into the windows")
        })
      cases.append(
        Case("sums that change as in training on \(ranks) ranks", ranks: ranks) { part in
          let seen = try compare(steps: 150, on: part, isErratic: false)
          try expect(seen <= 1, "\(seen) of 150 ledgers did not fit into the windows")
        })
    }
    cases.append(
      Case("148 tensors in 16 KB", ranks: 1) { _ in
        let bytes = try LedgerReduction(LedgerLayout(tensorCount: 148)).stepBytes
        try expect(bytes <= 16 << 10, "\(bytes) bytes")
      })
    try run(cases, on: world)
  },
  // Argument: rounds. Prints microseconds, medians of the slowest rank's.
  RankProgram("ledger-cost") { world, arguments in
    let rounds = arguments.first.flatMap { Int($0) } ?? 2000
    for ranks in 2...4 where ranks <= world.size {
      try onRanks([ranks], of: world) { part in
        for tensors in [6, 74, 148] { try time(tensors: tensors, rounds: rounds, on: part) }
      }
    }
  },
]

/// What all sums of a step are about: falling slowly, as in training, or anything.
private func size(ofStep step: Int, isErratic: Bool, _ random: inout RandomStream) -> Double {
  if isErratic && step % 8 == 7 { return exp2(random.uniform(-150..<150)) }
  return exp2(random.uniform(0..<4)) * pow(0.9, Double(isErratic ? step % 8 : step))
}

/// Reduces random ledgers both ways, and returns how many had to be sent whole.
private func compare(steps: Int, on part: borrowing Communicator, isErratic: Bool) throws -> Int {
  let layout = LedgerLayout(tensorCount: 12, orders: [.infinity, .power(3)], countsWeights: true)
  var reduction = try LedgerReduction(layout)
  var shared = RandomStream(7)
  var own = RandomStream(100, UInt64(part.rank))
  for step in 0..<steps {
    let size = size(ofStep: step, isErratic: isErratic, &shared)
    var ledger = NormLedger(layout, rank: part.rank)
    for sum in layout.sums where sum != .stopRequests {
      ledger.add(own.uniform(-0.2..<0.8) * size, to: sum)
    }
    for tensor in 0..<layout.tensorCount where tensor != 5 {
      for quantity in [.squares, .weightedLocalSquares, .weightSquares] as [NormLedger.TensorSum] {
        for _ in 0..<3 { ledger.add(own.uniform(0..<1) * size, to: quantity, of: tensor) }
      }
      ledger[largestOfTensor: tensor] = own.uniform(0..<1)
    }
    if step % 5 == 4 { ledger.add(1, to: .stopRequests) }
    ledger.raise(.localNorm, to: own.uniform(0..<1), rank: part.rank)
    // One rank alone has what does not fit.
    if isErratic && part.rank == step % part.size {
      if step % 11 == 3 { ledger.add(0x1p-300, to: .loss) }
      if step % 13 == 5 { ledger.add(.nan, to: .squares, of: 2) }
      if step % 17 == 6 { ledger.add(-.infinity, to: .loss) }
    }
    var whole = ledger
    try reduction.reduce(&whole, on: part)
    try reduction.reduceStep(&ledger, on: part)
    try expect(ledger.record == whole.record, "step \(step): other words than by whole ledgers")
    try expect(
      ledger.fingerprint == whole.fingerprint && ledger.norm.bitPattern == whole.norm.bitPattern,
      "step \(step): other totals than by whole ledgers")
  }
  return reduction.overflows
}

private func time(tensors: Int, rounds: Int, on part: borrowing Communicator) throws {
  let layout = LedgerLayout(tensorCount: tensors)
  var reduction = try LedgerReduction(layout)
  var ledger = NormLedger(layout, rank: part.rank)
  /// In the memory that the ledger has, as in training.
  func fill() {
    var random = RandomStream(5)
    ledger.clear(rank: part.rank)
    for sum in layout.sums { ledger.add(random.uniform(0..<1), to: sum) }
    for tensor in 0..<tensors {
      ledger.add(random.uniform(0..<1), to: .squares, of: tensor)
      ledger.add(random.uniform(0..<1), to: .weightedLocalSquares, of: tensor)
    }
  }
  var doubles = [Double](repeating: 1, count: reduction.stepBytes / 8)
  var times: [[Double]] = [[], [], []]
  for _ in 0..<rounds {
    for way in 0..<3 {
      fill()
      try part.barrier()
      let start = monotonicNanoseconds()
      switch way {
      case 0:
        var span = doubles.mutableSpan
        try part.allReduce(&span, .sum)
      case 1: try reduction.reduceStep(&ledger, on: part)
      default: try reduction.reduce(&ledger, on: part)
      }
      times[way].append(Double(monotonicNanoseconds() - start) / 1000)
    }
    for index in doubles.indices { doubles[index] = 1 }
  }
  var medians: [Double] = []
  for way in 0..<3 {
    var slowest = times[way].mutableSpan
    try part.allReduce(&slowest, .maximum)
    medians.append(times[way].sorted()[rounds / 2])
  }
  if part.rank == 0 {
    print(
      "\(part.size) ranks, \(tensors) tensors, \(reduction.stepBytes) bytes: as many Doubles \(medians[0]), ledger \(medians[1]), whole ledger \(medians[2]) microseconds"
    )
  }
}
