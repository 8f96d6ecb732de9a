import Launching
import Reports
import Subprocess

/// One run of mpirun, its lines read as they come.
struct Mpirun {
  private let line: MpirunLine

  init(_ line: MpirunLine) { self.line = line }

  /// A run that can be sent signals.
  struct Handle: Sendable {
    fileprivate let execution: @Sendable (Int32) -> Void

    func send(_ signal: Int32) { execution(signal) }
  }

  /// Runs to the end; a line is told of without its line end.
  func run(
    began: (Handle) async -> Void = { _ in }, ended: () async -> Void = {}, output: @escaping @Sendable ([UInt8]) async -> Void,
    errors: @escaping @Sendable ([UInt8]) async -> Void
  ) async throws -> RootCause.Ending {
    var options = PlatformOptions()
    // A group of its own: Ctrl-C at the terminal is for the coordinator, which passes on what the workers need.
    options.processGroupID = 0
    let command = line.command
    let environment = Dictionary(
      uniqueKeysWithValues: line.environment.compactMap { name, value in Environment.Key(rawValue: name).map { ($0, value) } })
    do {
      let outcome = try await Subprocess.run(
        .name(command[0].split(separator: "/").last.map(String.init) ?? command[0]), arguments: Arguments(Array(command.dropFirst())),
        environment: .custom(environment),
        platformOptions: options, input: .none, output: .sequence, error: .sequence
      ) { execution in
        await began(Handle { number in try? execution.send(signal: .init(rawValue: number)) })
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await follow(execution.standardOutput, each: output) }
          group.addTask { try await follow(execution.standardError, each: errors) }
          try await group.waitForAll()
        }
        await ended()
      }
      return switch outcome.terminationStatus {
      case .exited(let code): .exited(code)
      case .signaled(let signal): .signalled(signal)
      }
    } catch let error as SubprocessError {
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
