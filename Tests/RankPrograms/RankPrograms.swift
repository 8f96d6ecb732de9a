import Glibc
import MPI
import StallWatch
import Training

/// A small program that tests start under mpirun: it runs on every rank, and its exit status is 0
/// where all checks hold.
struct RankProgram: Sendable {
  let name: String
  let run: @Sendable (_ world: borrowing Communicator, _ arguments: [String]) throws -> Void

  init(
    _ name: String,
    _ run:
      @escaping @Sendable (_ world: borrowing Communicator, _ arguments: [String]) throws -> Void
  ) {
    self.name = name
    self.run = run
  }
}

/// A failed check outside of a `Case`: rank and text are printed on standard error, and the job ends.
struct CheckFailure: Error, CustomStringConvertible {
  let description: String
}

/// Checks a condition. In a ``Case`` a failure is printed and the case continues; outside of one it
/// is thrown.
func expect(
  _ condition: Bool, _ text: @autoclosure () -> String, line: Int = #line, file: String = #fileID
) throws {
  if condition { return }
  let failure = "\(file):\(line): \(text())"
  if !failOpenCase(failure) && !noteInCase(failure) {
    throw CheckFailure(description: failure)
  }
}

/// Runs a body on the first n ranks for each n, the others waiting: many rank counts in one mpirun.
func onRanks(
  _ counts: [Int], of world: borrowing Communicator, _ body: (borrowing Communicator) throws -> Void
) throws {
  for count in counts where count <= world.size {
    let part = try world.split(color: world.rank < count ? 0 : 1)
    if world.rank < count { try body(part) }
    try world.barrier()
    try part.free()
  }
}

@main
struct RankPrograms {
  static let all: [RankProgram] =
    mpiPrograms + trainingPrograms + costPrograms + bitsPrograms + benchPrograms
    + allocationPrograms + kernelPrograms + flightPrograms + componentPrograms + ledgerPrograms
    + [overlapCostProgram, sampleCostProgram, simulatedProgram]

  static func main() {
    StallWatch.runIfAsked()
    let arguments = CommandLine.arguments.dropFirst()
    guard let name = arguments.first, let program = all.first(where: { $0.name == name }) else {
      print(
        "usage: rank-programs NAME [ARGUMENT …]; names: \(all.map(\.name).joined(separator: ", "))")
      exit(64)
    }
    StopSignals.block()
    obeyComputeChoice()
    if name.hasPrefix("flight-") { beginFlight(name) }
    withMPI { world in try program.run(world, Array(arguments.dropFirst())) }
    exit(exitStatus)
  }
}
