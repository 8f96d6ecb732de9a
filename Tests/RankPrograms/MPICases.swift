import Glibc
import MPI

/// One thing to try on every rank, which reports by its own name.
struct RankCase: Sendable {
  let name: String
  let run: @Sendable (borrowing Communicator) throws -> Void

  init(_ name: String, _ run: @escaping @Sendable (borrowing Communicator) throws -> Void) {
    self.name = name
    self.run = run
  }

  /// A case in which each rank sends before it receives. For that MPI need not have room (MPI 3.1
  /// §3.4): MPICH over UCX has none for a message to oneself, so a rank that is alone passes it by.
  init(sendsFirst name: String, _ run: @escaping @Sendable (borrowing Communicator) throws -> Void)
  {
    let hasRoom = !mpiLibraryVersion().hasPrefix("MPICH")
    self.init(name) { ranks in if ranks.size > 1 || hasRoom { try run(ranks) } }
  }
}

/// What failed on this rank in the case that runs; nil between cases, where ``expect(_:_:line:file:)``
/// throws.
///
/// In a case it must not throw: the rank would leave collectives out that others wait in, and no
/// later case would run.
nonisolated(unsafe) private var failures: [String]?

/// Notes a failure of the case that runs; returns whether one does.
func noteInCase(_ failure: String) -> Bool {
  guard failures != nil else { return false }
  // The first ones say enough.
  if failures!.count < 3 { failures!.append(failure) }
  return true
}

/// Runs the cases one after another. Rank 0 prints a line for each: `ok NAME`, or `failed NAME` and
/// what failed on which rank.
///
/// An error that a case throws is the end of the job, and names the case.
func runCases(_ cases: [RankCase], on world: borrowing Communicator) throws {
  for one in cases {
    failures = []
    do { try one.run(world) } catch {
      throw CheckFailure(description: "in the case “\(one.name)”: \(error)")
    }
    let mine = failures!.joined(separator: "; ")
    failures = nil
    let gathered = try world.gather(mine)
    // No message of the next case meets a receive from any source of this one.
    try world.barrier()
    guard let all = gathered else { continue }
    let failed = all.indices.filter { !all[$0].isEmpty }.map { "rank \($0): \(all[$0])" }
    let text = failed.joined(separator: "; ").split(whereSeparator: \.isNewline).joined(
      separator: " ")
    print(failed.isEmpty ? "ok \(one.name)" : "failed \(one.name): \(text)")
    // Read even where a later case hangs.
    fflush(nil)
  }
}
