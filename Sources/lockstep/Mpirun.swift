import Launching
import Processes
import Recording
import Reports
import Subprocess

/// One run of mpirun, its lines read as they come.
struct Mpirun {
  private let line: MpirunCommand

  init(_ line: MpirunCommand) { self.line = line }

  /// Runs to the end, as a job that signals to this program end (``StopControl``); a line is handed
  /// on without its line end.
  func run(
    _ kind: StopPlan.Job, output: @escaping @Sendable ([UInt8]) async -> Void,
    errors: @escaping @Sendable ([UInt8]) async -> Void
  ) async throws -> RootCause.Ending {
    let control = StopControl.shared
    let hasOtherHosts = line.mayReachOtherHosts
    var options = PlatformOptions()
    // A group of its own: Ctrl-C at the terminal is for the coordinator, which passes on what the
    // workers need.
    options.processGroupID = 0
    // A signal that came before this job leaves it no time.
    try Task.checkCancellation()
    let command = line.command
    let environment = Dictionary(
      uniqueKeysWithValues: line.environment.compactMap { name, value in
        Environment.Key(rawValue: name).map { ($0, value) }
      })
    if let problem = LaunchLimits.here(environment: line.environment).problem(
      ranks: hasOtherHosts ? 1 : line.ranks)
    {
      throw CommandFailure(.mpiUnusable, problem)
    }
    do {
      let outcome = try await Subprocess.run(
        .name(command[0].split(separator: "/").last.map(String.init) ?? command[0]),
        arguments: Arguments(Array(command.dropFirst())),
        environment: .custom(environment),
        platformOptions: options, input: .none, output: .sequence, error: .sequence
      ) { execution in
        await control.began(
          .init(execution.processIdentifier.value, hasOtherHosts: hasOtherHosts), kind)
        let launcher = execution.processIdentifier.value
        let monitor = Task {
          if !hasOtherHosts, let hadRanks = await LaunchMonitor(launcher: launcher).watch() {
            await control.giveUp(hadRanks: hadRanks)
          }
        }
        defer { monitor.cancel() }
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await follow(execution.standardOutput, each: output) }
          group.addTask { try await follow(execution.standardError, each: errors) }
          try await group.waitForAll()
        }
      }
      if let hadRanks = await control.ended() { return .abandoned(hadRanks: hadRanks) }
      return switch outcome.terminationStatus {
      case .exited(let code): .exited(code)
      case .signaled(let signal): .signalled(signal)
      }
    } catch let error as SubprocessError {
      _ = await control.ended()
      throw CommandFailure(
        .mpiUnusable, "\(command[0]) cannot be started: \(PlainText.sanitized(error.description))")
    }
  }

  private func follow(_ stream: SubprocessOutputSequence, each: ([UInt8]) async -> Void)
    async throws
  {
    var lines = LineSplitter(limit: WorkerEvent.lineLimit)
    for try await buffer in stream {
      for line in lines.add(buffer.withUnsafeBytes { Array($0) }) { await each(line) }
    }
    if let last = lines.finish() { await each(last) }
  }
}
