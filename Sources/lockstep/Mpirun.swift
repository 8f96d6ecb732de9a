import Launching
import Processes
import Reports
import Subprocess

/// One run of mpirun, its lines read as they come.
struct Mpirun {
  private let line: MpirunLine

  init(_ line: MpirunLine) { self.line = line }

  /// Runs to the end, as a job that signals to this program end (``StopControl``); a line is handed on without its line end.
  func run(
    _ kind: StopPlan.Job, output: @escaping @Sendable ([UInt8]) async -> Void, errors: @escaping @Sendable ([UInt8]) async -> Void
  ) async throws -> RootCause.Ending {
    let control = StopControl.shared
    let hasOtherHosts = line.mayReachOtherHosts
    var options = PlatformOptions()
    // A group of its own: Ctrl-C at the terminal is for the coordinator, which passes on what the workers need.
    options.processGroupID = 0
    // A signal that came before this job leaves it no time.
    try Task.checkCancellation()
    let command = line.command
    let environment = Dictionary(
      uniqueKeysWithValues: line.environment.compactMap { name, value in Environment.Key(rawValue: name).map { ($0, value) } })
    do {
      let outcome = try await Subprocess.run(
        .name(command[0].split(separator: "/").last.map(String.init) ?? command[0]), arguments: Arguments(Array(command.dropFirst())),
        environment: .custom(environment),
        platformOptions: options, input: .none, output: .sequence, error: .sequence
      ) { execution in
        await control.began(.init(execution.processIdentifier.value, hasOtherHosts: hasOtherHosts), kind)
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await follow(execution.standardOutput, each: output) }
          group.addTask { try await follow(execution.standardError, each: errors) }
          try await group.waitForAll()
        }
      }
      await control.ended()
      return switch outcome.terminationStatus {
      case .exited(let code): .exited(code)
      case .signaled(let signal): .signalled(signal)
      }
    } catch let error as SubprocessError {
      await control.ended()
      throw CommandFailure(.mpiUnusable, "\(command[0]) cannot be started: \(PlainText.line(error.description))")
    }
  }

  private func follow(_ stream: SubprocessOutputSequence, each: ([UInt8]) async -> Void) async throws {
    var lines = LineSplitter(limit: WorkerEvent.lineLimit)
    for try await buffer in stream {
      for line in lines.add(buffer.withUnsafeBytes { Array($0) }) { await each(line) }
    }
    if let last = lines.finish() { await each(last) }
  }
}
