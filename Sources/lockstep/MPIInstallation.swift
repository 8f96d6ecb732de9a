import Glibc
import Launching
import Processes
import Recording
import Reports

/// Finds the mpirun of the MPI that a worker is built with.
enum MPIInstallation {
  /// The variable that names an mpirun, instead of those that are looked for.
  static let variable = "LOCKSTEP_MPIRUN"

  /// - Throws: exit code 78 where there is none, or only those of other MPIs.
  static func launcher(of worker: WorkerProgram) async throws -> MPILauncher {
    let built: WorkerMPI = try await worker.answer(["--mpi"])
    let library = MPIName(built.mpi)
    var candidates = MPILauncher.candidates(library: built.library, program: find)
    if let given = getenv(variable).map({ String(cString: $0) }), !given.isEmpty {
      guard let path = find(given) else {
        throw CommandFailure(
          .mpiUnusable, "\(variable)=\(PlainText.sanitized(given, limit: 200)): no such program")
      }
      candidates = [(given, path)]
    }
    var others: [MPILauncher] = []
    for (word, path) in candidates {
      try Task.checkCancellation()
      guard let said = try? await ChildProcess.answer(to: [path, "--version"], limit: 1 << 16),
        let launcher = MPILauncher(path: path, word: word, version: said.output)
      else { continue }
      try Task.checkCancellation()
      if launcher.name.starts(programsOf: library) { return launcher }
      others.append(launcher)
    }
    try Task.checkCancellation()
    guard let other = others.first else {
      throw CommandFailure(
        .mpiUnusable,
        "mpirun is not on the PATH; install \(library)\(isDebians(library) ? ": apt-get install openmpi-bin" : " or load its module"), or name it in \(variable)"
      )
    }
    throw CommandFailure(
      .mpiUnusable,
      "\(worker.path) is built with \(library), and \(other.word) is of \(other.name): put the mpirun of \(library) on the PATH or into \(variable), or build with LOCKSTEP_MPI for the other"
    )
  }

  private static func isDebians(_ library: MPIName) -> Bool { library.family == .openMPI(major: 4) }

  private static func find(_ name: String) -> String? {
    guard name.contains("/") else { return Installation.program(name) }
    return Installation.isExecutable(name) ? name : nil
  }
}
