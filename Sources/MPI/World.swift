import CMPI
import FlightRecorder
import Glibc
import Processes

/// An error that chooses the exit status of the job it ends, where ``withMPI(_:)`` meets it.
public protocol JobFailure: Error {
  /// The status that mpirun exits with.
  var exitStatus: Int32 { get }
}

/// Starts MPI, lends the world's communicator to `body`, and ends MPI when it returns
/// (MPI_Init_thread and MPI_Finalize, MPI 3.1 §12.4.3 and §8.7).
///
/// ```swift
/// withMPI { world in
///   print("rank \(world.rank) of \(world.size)")
/// }
/// ```
///
/// Collective over all processes of the job, once in each. A program that starts MPI otherwise uses
/// ``withCommunicator(borrowing:_:)``.
///
/// When `body` throws on a rank, that rank prints one line, `rank R on HOST: the error`, to
/// standard error and ends every process of the job at once with the error's
/// ``JobFailure/exitStatus`` (1 for other errors). It must not finalise: other ranks may wait in a
/// collective that this one will never join, and would wait for ever.
///
/// A program that another MPI's mpirun started would be as many jobs of one rank: rank 0 says so in
/// a line that names both, and every process ends with 78.
///
/// MPI is asked for `MPI_THREAD_FUNNELED`: only the thread that calls this may call MPI.
public func withMPI<Result>(_ body: (borrowing Communicator) throws -> Result) -> Result {
  let place = LaunchPlace()
  ForeignLauncher(place, library: mpiLibrary)?.endProcess(rank: place.rank)
  avoidKnownFaults()
  var provided: Int32 = 0
  _ = FlightGroup.world.during(.start, bytes: 0) {
    MPI_Init_thread(nil, nil, Int32(MPI_THREAD_FUNNELED), &provided)
  }
  let world = makeWorld()
  ForeignLauncher(place, library: mpiLibrary, worldSize: world.size)?.endProcess(rank: place.rank)
  yieldWhereCrowded(place)
  FlightRecorder.join(rank: world.rank, size: world.size)
  let result = run(body, on: world)
  FlightRecorder.enter(.end)
  _ = FlightGroup.world.during(.end, bytes: 0) { MPI_Finalize() }
  return result
}

/// Returns only when `body` does; its error ends the job.
private func run<Result>(
  _ body: (borrowing Communicator) throws -> Result, on world: borrowing Communicator
) -> Result {
  do {
    return try body(world)
  } catch {
    // What this rank printed before is worth reading now, and MPI's abort drops what is still
    // buffered.
    fflush(nil)
    printFailure("rank \(world.rank) on \(hostName()): \(error)")
    world.abort(status: (error as? any JobFailure)?.exitStatus ?? 1)
  }
}

private func makeWorld() -> Communicator {
  do { return try Communicator(handle: cmpi_comm_world()) } catch {
    fatalError("MPI gave no world: \(error)")
  }
}

/// This machine's name, as ranks give it in messages and reports (gethostname). Sends nothing, and
/// needs no MPI.
public func hostName() -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  gethostname(&buffer, 255)
  return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Waits until what was written to these pipes is read, at most a second.
func waitUntilRead(_ files: Int32...) {
  for _ in 0..<200 {
    let isRead = files.allSatisfy { file in
      var unread: Int32 = 0
      return ioctl(file, UInt(FIONREAD), &unread) != 0 || unread == 0
    }
    if isRead { return }
    usleep(5000)
  }
}

/// One line in one system call: lines of several ranks that are written in parts tear.
func printFailure(_ text: String) {
  // What a file or its name holds is part of the text: nothing in it may act on a terminal, as C0
  // and C1 controls and turns of direction do.
  let shown = text.unicodeScalars.map { scalar -> Unicode.Scalar in
    switch scalar.value {
    case 0x00..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: " "
    default: scalar
    }
  }
  var line = Array(String(String.UnicodeScalarView(shown)).utf8)
  line.append(UInt8(ascii: "\n"))
  _ = write(STDERR_FILENO, line, line.count)
}
