import FlightRecorder
import Glibc
import MPI

/// The memory of this process's record, where it keeps one: in programs named `flight-…`, from before MPI's start.
nonisolated(unsafe) private(set) var flightFile: Int32 = -1

func beginFlight() { flightFile = FlightRecorder.begin(LaunchPlace()) ?? -1 }

/// Programs that try the flight recorder.
let flightPrograms: [RankProgram] = [flightCost, flightRecord]

/// Prints the nanoseconds that one entry and its end take, the least over many blocks: what else the machine does can only add.
private let flightCost = RankProgram("flight-cost") { world, _ in
  let (group, perBlock) = (FlightGroup.world, 1000)
  var least = Double.infinity
  for _ in 0..<200 {
    let start = ContinuousClock.now
    for number in 0..<perBlock { _ = group.during(.allReduce, bytes: number) { number } }
    let elapsed = start.duration(to: .now).components
    least = min(least, (Double(elapsed.seconds) * 1e9 + Double(elapsed.attoseconds) / 1e9) / Double(perBlock))
  }
  print((least * 10).rounded() / 10)
}

/// Makes each collective once, in the world and in a part of it, and prints what the record holds of it: `kind sequence bytes` a line, at rank 0.
private let flightRecord = RankProgram("flight-record") { world, _ in
  guard let image = FlightImage(file: flightFile) else { throw CheckFailure(description: "no memory for a record") }
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
  let half = try world.split(color: world.rank % 2)
  try half.barrier()
  try half.free()
  let entries = image.entries.filter { $0.kind != .start }
  try expect(entries.allSatisfy { $0.left != nil && $0.left! >= $0.entered }, "an entry is open: \(entries)")
  try expect(image.waiting == nil && image.step == 7, "the rank waits, or its step is \(image.step)")
  let groups = Set(entries.map(\.group))
  try expect(groups.count == 2, "\(groups.count) communicators")
  let lines = entries.map { "\($0.kind.name) \($0.sequence) \($0.bytes) step \($0.step)" }.joined(separator: "\n")
  try world.expectEqual(lines, "the record")
  // Ranks of one half have the same number for it, those of different halves another.
  let numbers: [UInt64] = try world.allGather([entries[entries.count - 2].group].span)
  for (rank, number) in numbers.enumerated() {
    try expect((number == numbers[0]) == (rank % 2 == 0), "rank \(rank)'s half has the number \(number), rank 0's \(numbers[0])")
  }
  if world.rank == 0 { print(lines) }
}
