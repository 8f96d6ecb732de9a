import CFlightRecorder
import FlightRecorder
import Glibc
import MPI
import Models
import Processes
import StallWatch
import Training

/// The memory of this process's flight record, in programs named `flight-…`; it exists before MPI
/// starts.
nonisolated(unsafe) private(set) var flightFile: Int32 = -1

/// Programs named `flight-hang…` are watched too, with limits of 0.5 and 2 seconds.
func beginFlight(_ name: String) {
  if !name.hasPrefix("flight-hang") {
    flightFile = FlightRecorder.begin(LaunchPlace()) ?? -1
  } else if let note = StallWatch.begin(StallWatch.Options(warn: 0.5, abort: 2)) {
    fatalError(note)
  }
}

/// Programs that test the flight recorder.
let flightPrograms: [RankProgram] = [flightCost, flightStepCost, flightRecord, flightHang]

/// Prints the nanoseconds that one entry and its end take, the least over many blocks, since other
/// load can only add to it.
private let flightCost = RankProgram("flight-cost") { world, _ in
  let (group, perBlock) = (FlightGroup.world, 1000)
  var least = Double.infinity
  for _ in 0..<200 {
    let start = ContinuousClock.now
    for number in 0..<perBlock { _ = group.during(.allReduce, bytes: number) { number } }
    let elapsed = start.duration(to: .now).components
    least = min(
      least, (Double(elapsed.seconds) * 1e9 + Double(elapsed.attoseconds) / 1e9) / Double(perBlock))
  }
  print((least * 10).rounded() / 10)
}

/// The cost of the recorder in a step of `mlp-small`: steps with and without it in pairs, in either
/// order, of which the slowest rank's time counts. Prints entries a step, the median step without,
/// and the median of the pairs' differences with its 95 % interval (of the order statistics), in
/// microseconds.
private let flightStepCost = RankProgram("flight-step-cost") { world, arguments in
  setComputeThreads(1)
  let pairs = arguments.first.flatMap { Int($0) } ?? 500
  let trainer = try benchmarkTrainer(hidden: "[128]", keys: [], on: world)
  let record = cfr_own()
  defer { cfr_keep(record) }
  var (plain, differences): ([Double], [Double]) = ([], [])
  var entries: UInt64 = 0
  for pair in -20..<pairs {
    var times = [0.0, 0.0]
    for turn in 0..<2 {
      let isNoting = (pair + turn) % 2 == 0
      try world.barrier()
      cfr_keep(isNoting ? record : nil)
      let before = record?.pointee.entries ?? 0
      let seconds = try trainer.step(on: world).totalSeconds
      if isNoting { entries = (record?.pointee.entries ?? 0) - before }
      cfr_keep(nil)
      times[isNoting ? 1 : 0] = try world.allReduce(seconds, .maximum)
    }
    if pair < 0 { continue }
    plain.append(times[0] * 1e6)
    differences.append((times[1] - times[0]) * 1e6)
  }
  let sorted = differences.sorted()
  let margin = Int(0.98 * Double(pairs).squareRoot())
  func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
  if world.rank == 0 {
    print(
      "\(entries) entries a step, \(rounded(plain.sorted()[pairs / 2])) µs a step, difference \(rounded(sorted[pairs / 2])) "
        + "(\(rounded(sorted[max(0, pairs / 2 - margin)])) to \(rounded(sorted[min(pairs - 1, pairs / 2 + margin)])))"
    )
  }
}

/// Makes each collective once, in the world and in a part of it, and prints what the record holds
/// of it: `kind sequence bytes` a line, at rank 0.
private let flightRecord = RankProgram("flight-record") { world, _ in
  guard let image = FlightImage(file: flightFile) else {
    throw CheckFailure(description: "no memory for a record")
  }
  let size = world.size
  var values = [Double](repeating: 1, count: 2 * size)
  var span = values.mutableSpan
  FlightRecorder.begin(step: 7)
  try world.barrier()
  try world.allReduce(&span, .sum)
  _ = try world.allReduce(1.0, .maximum)
  try world.reduceScatter(inPlace: &span, counts: [Int](repeating: 2, count: size), .sum)
  try world.allGather(inPlace: &span, counts: [Int](repeating: 2, count: size))
  try world.broadcast(&span)
  let request = try world.startAllReduce(&span, .sum)
  try request.wait()
  _ = try world.reduce(1.0, .sum)
  _ = try world.scan(1.0, .sum)
  _ = try world.exclusiveScan(1.0, .sum)
  var pair = [0.0, 0.0]
  var pairSpan = pair.mutableSpan
  try world.scatter(values.span, into: &pairSpan)
  // A message is no collective: it changes what the rank has done, and leaves no entry.
  let before = image.activity
  try world.sendReceive([1.0].span, to: world.rank, tag: 0, into: &pairSpan, from: .any, tag: 0)
  try expect(
    image.activity[0] > before[0], "a message counts as \(image.activity[0] - before[0])")
  let half = try world.split(color: world.rank % 2)
  try half.barrier()
  try half.free()
  let entries = image.entries.filter { $0.kind != .start }
  try expect(
    entries.allSatisfy { $0.left != nil && $0.left! >= $0.entered }, "an entry is open: \(entries)")
  try expect(
    image.waiting == nil && image.step == 7, "the rank waits, or its step is \(image.step)")
  let groups = Set(entries.map(\.group))
  try expect(groups.count == 2, "\(groups.count) communicators")
  let lines = entries.map { "\($0.kind.name) \($0.sequence) \($0.bytes) step \($0.step)" }.joined(
    separator: "\n")
  try world.expectEqual(lines, "the record")
  // Ranks of one half have the same number for it, those of different halves another.
  let numbers: [UInt64] = try world.allGather([entries[entries.count - 2].group].span)
  for (rank, number) in numbers.enumerated() {
    try expect(
      (number == numbers[0]) == (rank % 2 == 0),
      "rank \(rank)'s half has the number \(number), rank 0's \(numbers[0])")
  }
  if world.rank == 0 { print(lines) }
}

/// Hangs, as the argument says: `other`: rank 1 calls another collective than the others; `skips`:
/// rank 1 leaves one out and ends, as in programs whose ranks decide differently; `sleeps`: rank 1
/// does not enter.
private let flightHang = RankProgram("flight-hang") { world, arguments in
  try StallWatch.link(on: world)
  FlightRecorder.begin(step: 3)
  let isOdd = world.rank == 1
  _ = try world.allReduce(1.0, .sum)
  switch arguments.first {
  case "other":
    if isOdd {
      _ = try world.broadcast([1.0, 2.0, 3.0])
    } else {
      _ = try world.allReduce(1.0, .sum)
    }
  case "skips": if !isOdd { _ = try world.allReduce(1.0, .sum) }
  case "sleeps":
    while isOdd { sleep(1) }
    try world.barrier()
  default: throw CheckFailure(description: "other, skips or sleeps")
  }
  try world.barrier()
}
