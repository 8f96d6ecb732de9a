import GradientReduction
import Glibc
import MPI

/// Programs that must fail, each in its own way.
let failurePrograms = [
  RankProgram("dropped-request") { world, _ in
    var values: [Float] = [1]
    var span = values.mutableSpan
    _ = try world.startAllReduce(&span, .sum)
  },
  RankProgram("dropped-send") { world, _ in
    let values: [Float] = [1]
    _ = try world.startSend(values.span, to: 0, tag: 0)
  },
  RankProgram("dropped-receive") { world, _ in
    var values: [Float] = [1]
    var span = values.mutableSpan
    _ = try world.startReceive(&span, from: .any, tag: .any)
  },
  // Three cases, of which the second fails on all ranks but 0.
  RankProgram("mpi-failing-cases") { world, _ in
    try runCases(
      [
        RankCase("first") { _ in },
        RankCase("second") { ranks in
          try expect(ranks.rank == 0, "wrong on \(ranks.rank)")
          try ranks.barrier()
        },
        RankCase("third") { ranks in try expect(ranks.size == 3, "\(ranks.size) ranks") },
      ], on: world)
  },
  // Arguments: the rank that throws, and the exit status that it asks for, if any.
  RankProgram("throwing-rank") { world, arguments in
    var values = [Float](repeating: 1, count: 1000)
    var span = values.mutableSpan
    try world.allReduce(&span, .sum)
    try world.barrier()
    if world.rank == Int(arguments[0]) {
      print("printed before")
      if let status = arguments.dropFirst().first.flatMap(Int32.init) {
        throw LaunchRejection(exitStatus: status)
      }
      throw CheckFailure(description: "an error\nof two lines, thrown at \(now())")
    }
    try world.allReduce(&span, .sum)
  },
  // Arguments: the ranks whose part of the agreement fails.
  RankProgram("disagreement") { world, arguments in
    let failing = arguments.compactMap { Int($0) }
    try world.succeedOnAllRanks {
      if failing.contains(world.rank) { throw LaunchRejection(exitStatus: 60 + Int32(world.rank)) }
    }
    // No rank reaches this line.
    print("rank \(world.rank) continued")
  },
]

private struct LaunchRejection: JobFailure, CustomStringConvertible {
  let exitStatus: Int32
  let time = now()
  var description: String { "refused with \(exitStatus), thrown at \(time)" }
}

/// Seconds since 1970.
private func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
