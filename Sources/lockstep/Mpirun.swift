import Glibc
import Launching
import Processes
import Recording
import Reports
import Synchronization

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
    // A signal that came before this job leaves it no time.
    try Task.checkCancellation()
    let command = line.command
    if let problem = LaunchLimits.here(environment: line.environment).problem(
      ranks: hasOtherHosts ? 1 : line.ranks)
    {
      throw CommandFailure(.mpiUnusable, problem)
    }
    let monitor = Mutex<Task<Void, Never>?>(nil)
    let children = Children()
    defer {
      monitor.withLock { $0?.cancel() }
      children.end()
    }
    let lines = (output: Lines(output), errors: Lines(errors))
    do {
      let ending = try await ChildProcess.run(
        command, environment: line.environment,
        began: { launcher in
          await control.began(.init(launcher, of: line), kind)
          monitor.withLock {
            $0 = Task {
              async let _: Void = hasOtherHosts ? children.watch(launcher) : ()
              let monitor = LaunchMonitor(launcher: launcher, hasOtherHosts: hasOtherHosts)
              if let hadRanks = await monitor.watch() { await control.giveUp(hadRanks: hadRanks) }
            }
          }
        },
        output: { await lines.output.add($0) }, errors: { await lines.errors.add($0) })
      await lines.output.finish()
      await lines.errors.finish()
      if let hadRanks = await control.ended() { return .abandoned(hadRanks: hadRanks) }
      return switch ending {
      case .exited(let code): .exited(code)
      case .signalled(let signal): .signalled(signal)
      }
    } catch let error as ChildProcess.StartError {
      _ = await control.ended()
      throw CommandFailure(.mpiUnusable, "\(command[0]) cannot be started: \(error)")
    }
  }

  /// What mpirun has started on this host: its connections to hosts that have gone do not end with
  /// it.
  private final class Children: Sendable {
    private let last = Mutex<[ProcessEntry]>([])

    /// Looks again and again, until the task is cancelled.
    func watch(_ launcher: Int32) async {
      while !Task.isCancelled {
        let found = ProcessEntry.descendants(of: launcher)
        if !found.isEmpty { last.withLock { $0 = found } }
        try? await Task.sleep(for: .seconds(1))
      }
    }

    func end() { for process in last.withLock({ $0 }) { process.send(SIGTERM) } }
  }

  /// Cuts what one stream brings into lines.
  private actor Lines {
    private var splitter = LineSplitter(limit: WorkerEvent.lineLimit)
    private let take: @Sendable ([UInt8]) async -> Void

    init(_ take: @escaping @Sendable ([UInt8]) async -> Void) { self.take = take }

    func add(_ bytes: [UInt8]) async {
      for line in splitter.add(bytes) { await take(line) }
    }

    func finish() async {
      if let last = splitter.finish() { await take(last) }
    }
  }
}
