import Foundation

/// How a process that a test started ended, and what it said.
public struct Outcome: Sendable {
  public let status: Int32
  public let output: String
  public let errors: String
  public let seconds: Double
}

/// The programs built beside the test bundle.
public enum Programs {
  public static var directory: URL {
    // The tests run from a bundle, or a runner, that lies in the build folder; the programs lie there too.
    let candidates = [Bundle.main.bundleURL, Bundle.main.executableURL?.deletingLastPathComponent()].compactMap { $0 }
    let arguments = CommandLine.arguments.map { URL(filePath: $0).deletingLastPathComponent() }
    for folder in candidates + arguments {
      if FileManager.default.isExecutableFile(atPath: folder.appending(path: "rank-programs").path) { return folder }
    }
    fatalError("rank-programs lies beside none of \((candidates + arguments).map(\.path))")
  }

  public static func path(_ name: String) -> String { directory.appending(path: name).path }

  /// Runs one of `rank-programs` on some ranks under mpirun, as many processes as asked for on however many cores.
  ///
  /// A program that tries several rank counts is started once, on the largest, and splits its world.
  public static func mpirun(
    _ ranks: Int, _ arguments: [String], program: String = "rank-programs", environment: [String: String] = [:], limit: Double = 120,
    mpirunArguments: [String] = []
  ) throws -> Outcome {
    let launch = ["-n", "\(ranks)", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"] + mpirunArguments
    return try run("/usr/bin/env", ["mpirun"] + launch + [path(program)] + arguments, environment: environment, limit: limit)
  }

  /// The threads that run tests block signals, and what they start would inherit that: it could not be terminated.
  private static func withSignalsOpen(_ body: () throws -> Void) rethrows {
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try body()
  }

  /// Runs a program to its end, or kills its process group after `limit` seconds.
  public static func run(_ executable: String, _ arguments: [String], environment: [String: String] = [:], limit: Double = 120) throws
    -> Outcome
  {
    let process = Process()
    process.executableURL = URL(filePath: executable)
    process.arguments = arguments
    var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("OMPI_") && !$0.key.hasPrefix("PMIX_") }
    variables["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
    variables["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    variables["OMP_NUM_THREADS"] = "1"
    // A process that is meant to trap must not leave a backtracer holding its output open.
    variables["SWIFT_BACKTRACE"] = "enable=no"
    process.environment = variables.merging(environment) { $1 }
    // Files, not pipes: nothing can fill up, and a grandchild that lives on holds nothing open.
    let folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (output, errors) = (folder.appending(path: "output"), folder.appending(path: "errors"))
    for file in [output, errors] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    let start = Date()
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    try withSignalsOpen { try process.run() }
    if ended.wait(timeout: .now() + limit) == .timedOut {
      process.terminate()
      if ended.wait(timeout: .now() + 5) == .timedOut { kill(process.processIdentifier, SIGKILL) }
      process.waitUntilExit()
    }
    return Outcome(
      status: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
      errors: try String(contentsOf: errors, encoding: .utf8), seconds: Date().timeIntervalSince(start))
  }
}
