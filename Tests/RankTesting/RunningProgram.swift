import Foundation

/// A program that a test started and can watch, signal and wait for.
public final class RunningProgram {
  private let process = Process()
  private let folder: URL
  private let ended = DispatchSemaphore(value: 0)
  private let start = Date()
  /// In the environment of the program and of all that it starts, by which ``descendants`` finds
  /// them.
  private let tag = "LOCKSTEP_TEST=\(UUID().uuidString)"

  /// Starts it in `directory`, by default a new empty one, so that files in the directory of the
  /// tests (such as `runs`) do not matter.
  public init(
    _ executable: String, _ arguments: [String], environment: [String: String] = [:],
    directory: String? = nil
  ) throws {
    process.executableURL = URL(filePath: executable)
    process.arguments = arguments
    var variables = ProcessInfo.processInfo.environment.filter { name in
      !["OMPI_", "PMIX_", "PMI_", "MPI_LOCAL"].contains { name.key.hasPrefix($0) }
    }
    variables["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
    variables["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    variables["OMP_NUM_THREADS"] = "1"
    // A process that is meant to trap must not leave a backtracer holding its output open.
    variables["SWIFT_BACKTRACE"] = "enable=no"
    variables["LOCKSTEP_TEST"] = String(tag.split(separator: "=")[1])
    process.environment = variables.merging(environment) { $1 }
    // Files, not pipes: they cannot fill up, and a grandchild that outlives the program keeps no
    // pipe open.
    folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let place = folder.appending(path: "directory")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
    process.currentDirectoryURL = directory.map { URL(filePath: $0) } ?? place
    for name in ["output", "errors"] {
      _ = FileManager.default.createFile(atPath: folder.appending(path: name).path, contents: nil)
    }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: folder.appending(path: "output"))
    process.standardError = try FileHandle(forWritingTo: folder.appending(path: "errors"))
    let ended = ended
    process.terminationHandler = { _ in ended.signal() }
    try Self.withSignalsOpen { try process.run() }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  public var identifier: Int32 { process.processIdentifier }
  public var output: String {
    (try? String(contentsOf: folder.appending(path: "output"), encoding: .utf8)) ?? ""
  }
  public var errors: String {
    (try? String(contentsOf: folder.appending(path: "errors"), encoding: .utf8)) ?? ""
  }

  /// The living processes that this one started, and itself: (identifier, name).
  public var descendants: [(identifier: Int32, name: String)] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return entries.compactMap { entry in
      guard let identifier = Int32(entry),
        let environment = FileManager.default.contents(atPath: "/proc/\(entry)/environ"),
        environment.range(of: Data(tag.utf8)) != nil,
        let status = FileManager.default.contents(atPath: "/proc/\(entry)/stat").map({
          String(decoding: $0, as: UTF8.self)
        }),
        let open = status.firstIndex(of: "("), let close = status.lastIndex(of: ")")
      else { return nil }
      // A zombie is dead already; its parent has not waited for it yet.
      let state = status[status.index(close, offsetBy: 2)...].first
      return state == "Z" ? nil : (identifier, String(status[status.index(after: open)..<close]))
    }
  }

  public func signal(_ number: Int32) { kill(identifier, number) }

  /// Polls until `condition` holds, for at most `limit` seconds. Returns whether it held.
  public func wait(for limit: Double = 120, until condition: () -> Bool) -> Bool {
    let deadline = Date().addingTimeInterval(limit)
    while !condition() {
      if Date() > deadline { return false }
      usleep(5000)
    }
    return true
  }

  /// Waits for the end, or kills the program after `limit` seconds.
  public func finish(limit: Double = 120) throws -> Outcome {
    if ended.wait(timeout: .now() + limit) == .timedOut {
      process.terminate()
      if ended.wait(timeout: .now() + 5) == .timedOut { kill(identifier, SIGKILL) }
      process.waitUntilExit()
    }
    return Outcome(
      status: process.terminationStatus, output: output, errors: errors,
      seconds: Date().timeIntervalSince(start))
  }

  /// The threads that run tests block signals. A child would inherit that and could not be
  /// terminated.
  private static func withSignalsOpen(_ body: () throws -> Void) rethrows {
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try body()
  }
}
