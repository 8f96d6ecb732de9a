import Glibc
import MPI
import Processes
import Synchronization

/// What signals have asked of this rank since it last looked: USR1 for a checkpoint, USR2, TERM,
/// INT and HUP for a checkpoint and an end.
///
/// The signals are blocked, taken by a thread that waits for them, and looked for at each step; no
/// handler ever runs. A handler would be unsafe: oneDNN 2.6's generated `sgemm` points the stack
/// register at a heap buffer for some shapes (32×784 by 784×16 for one), and the kernel would push
/// the handler's frame over what lies below it (measured: heap corrupted in 1 of 5 runs). What is
/// asked travels in the step's ledger, so that all ranks act at the same step boundary, whichever
/// rank a signal reached.
///
/// The thread ends the process where no step boundary will do: before the first step, at a second
/// request, when a rank of this host stays stopped, after the grace period
/// (``Processes/StopPlan``).
public enum StopSignals {
  private struct State {
    var plan = StopPlan()
    var stop = false
    var checkpoint = false
    /// What this process does before it ends itself.
    var atEnd: @Sendable () -> Void = {}
    /// When stopped ranks are looked for again.
    var lookTime: Double?
    /// When the plan wants to hear of the time.
    var planTime: Double?
  }
  private static let state = Mutex(State())

  /// Blocks the signals in this thread and all that it starts: the first thing a program does,
  /// before MPI has threads of its own.
  public static func block() {
    var set = SignalThread.set
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Takes signals from now on, those that came before too. Until ``began(_:)`` one that ends the
  /// job ends this process at once.
  public static func listen(grace: Double = 30) {
    state.withLock { $0.plan.grace = grace }
    SignalThread.start { number in
      state.withLock { state in
        let now = Self.now()
        if let number { take(.signal(number), &state) }
        if let time = state.lookTime, now >= time {
          state.lookTime = nil
          if siblings().contains(where: \.isStopped) { take(.stalled, &state) }
        }
        if let time = state.planTime, now >= time { take(.timer, &state) }
        // What the rank's own thread found is seen within a second.
        return min(
          1,
          max(0.01, [state.lookTime, state.planTime].compactMap { $0 }.min().map { $0 - now } ?? 1))
      }
    }
  }

  /// What this process does before a signal ends it.
  public static func atEnd(_ body: @escaping @Sendable () -> Void) {
    state.withLock { $0.atEnd = body }
  }

  /// This rank's job: whether there will be something to save.
  public static func began(_ job: StopPlan.Job) {
    state.withLock { state in
      take(.began(job), &state)
      take(.ready, &state)
    }
  }

  /// A step was made: from now on a stop waits for a checkpoint.
  static func stepped() { state.withLock { take(.step, &$0) } }

  /// What was asked. A request to stop stays from then on; one for a checkpoint is returned once.
  /// Only for the thread that trains.
  static func poll() -> (stop: Bool, checkpoint: Bool) {
    var set = SignalThread.set
    var now = timespec(tv_sec: 0, tv_nsec: 0)
    return state.withLock { state in
      // What was sent to this thread alone, or comes where no thread takes signals.
      while true {
        let number = sigtimedwait(&set, nil, &now)
        if number == SIGUSR1 {
          state.checkpoint = true
        } else if number > 0 {
          state.stop = true
        } else if errno != EINTR {
          break
        }
      }
      defer { state.checkpoint = false }
      return (state.stop, state.checkpoint)
    }
  }

  // MARK: Actions

  private static func take(_ event: StopPlan.Event, _ state: inout State) {
    let now = now()
    // The plan's waits end with the event that comes first.
    if event == .timer { state.planTime = nil }
    for action in state.plan.take(event, at: now) {
      switch action {
      case .ask(SIGUSR1): state.checkpoint = true
      case .ask: state.stop = true
      case .wake:
        // All of them: one that a STOP has yet to reach does not look stopped.
        for process in siblings() { process.send(SIGCONT) }
        state.lookTime = now + 1
      case .wait(let seconds): state.planTime = now + seconds
      case .end, .kill, .leave: end(state)
      }
    }
  }

  /// Ends this process; mpirun ends the others.
  private static func end(_ state: State) -> Never {
    let plan = state.plan
    let words: String
    switch plan.outcome {
    case .interrupted(let number):
      words = "ended by \(name(of: number)) before the first step; nothing was to be saved"
    case .forced(.secondSignal): words = "ended by a second signal, without a checkpoint"
    case .forced(.stalled):
      words = "ended by a signal, without a checkpoint: another rank of this host is stopped"
    case .forced(.graceOver):
      words =
        "ended by a signal, without a checkpoint: no step ended within the grace period (--grace)"
    case .none, .asked: words = "ended by a signal"
    }
    // mpirun ends the other ranks of a job in which one has failed: that one has said why.
    if !(plan.outcome == .interrupted(by: SIGTERM) && SignalThread.sender == getppid()) {
      let line = Array("rank \(LaunchPlace().rank) on \(hostName()): \(words)\n".utf8)
      _ = write(STDERR_FILENO, line, line.count)
    }
    state.atEnd()
    _exit(plan.exitStatus ?? 70)
  }

  private static func name(of signal: Int32) -> String {
    [
      SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGTERM: "SIGTERM", SIGUSR1: "SIGUSR1",
      SIGUSR2: "SIGUSR2",
    ][signal] ?? "signal \(signal)"
  }

  /// The other ranks of this job on this host.
  private static func siblings() -> [ProcessEntry] {
    guard LaunchPlace().isLaunched else { return [] }
    return ProcessEntry.descendants(of: getppid()).filter {
      $0.identifier != getpid() && $0.parent == getppid()
    }
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
