import Glibc
import Launching
import Processes
import Recording
import Reports

/// Carries out this program's ``StopPlan``: takes the signals, acts on the mpirun that runs, and
/// ends the program where none does.
///
/// There is one of it: whatever a command does, a signal is treated in the same way.
actor StopControl {
  static let shared = StopControl()

  private var plan = StopPlan()
  private var job: Job?
  private var timer: Task<Void, Never>?
  private var command: Task<Int32, Never>?
  private var show: @Sendable (String) async -> Void = { _ in }
  /// Where the session directories of this program's mpiruns are noted, and these.
  private var leftovers: Leftovers?
  private var hadRanks: Bool?
  private var launchers: [ProcessEntry] = []
  /// What ran of a job when it was ended: a rank that had just started may not have noted yet whose
  /// it is.
  private var ending: [ProcessEntry] = []

  /// An mpirun that runs.
  struct Job: Sendable {
    fileprivate let identifier: Int32
    fileprivate let process: ProcessEntry?
    /// Whether its ranks may be on other hosts, which only mpirun reaches.
    fileprivate let hasOtherHosts: Bool
    fileprivate let mpirun: MPILauncher

    init(_ identifier: Int32, of line: MpirunCommand) {
      self.identifier = identifier
      hasOtherHosts = line.mayReachOtherHosts
      mpirun = line.mpirun
      process = ProcessEntry(identifier)
    }

    fileprivate func send(_ signal: Int32) { process?.send(signal) }
    /// Hands a request to the ranks: by mpirun, or where USR2 would end that, to a rank of this host,
    /// which is enough, or where there is none by a signal that it does hand on.
    fileprivate func ask(_ signal: Int32) {
      guard signal == SIGUSR2, !mpirun.handsOnUSR2 else { return send(signal) }
      let launchers = Set([identifier] + descendants.map(\.identifier))
      let rank = descendants.first { process in
        LaunchPlace.rank(of: process.identifier) != nil
          && LaunchPlace.launcherProcess(above: process.identifier) == process.parent
          && launchers.contains(process.parent)
      }
      if let rank { rank.send(signal) } else { send(SIGTERM) }
    }
    fileprivate var descendants: [ProcessEntry] {
      process?.isAlive == true ? ProcessEntry.descendants(of: identifier) : []
    }
  }

  /// Takes signals from now on; those that came before are the first. A signal that ends the
  /// program cancels `command`.
  func listen(cancelling command: Task<Int32, Never>) {
    self.command = command
    let (numbers, continuation) = AsyncStream.makeStream(of: Int32.self)
    Task { for await number in numbers { await take(.signal(number)) } }
    SignalThread.start(alongsideDispatch: true) { number in
      if let number { continuation.yield(number) }
      return nil
    }
  }

  /// How long ranks may take for the checkpoint that a stop asks for, and where the user reads what
  /// is done about it.
  func prepare(grace: Double, show: @escaping @Sendable (String) async -> Void) {
    plan.grace = grace
    self.show = show
  }

  // MARK: What was decided

  var outcome: StopPlan.Outcome { plan.outcome }
  var isRequested: Bool { plan.outcome != .none }
  /// The exit status of a program that was ended where nothing was to be saved; nil where it was
  /// not.
  var interruption: ExitCode? { plan.exitStatus.flatMap(ExitCode.init) }

  static func interruptionText(_ code: ExitCode) -> String {
    let names: [ExitCode: String] = [
      .hungUp: "SIGHUP", .interrupted: "SIGINT", .askedToStop: "SIGUSR2", .terminated: "SIGTERM",
    ]
    return "ended by \(names[code] ?? "a signal"); nothing was to be saved"
  }

  // MARK: What happens

  func began(_ job: Job, _ kind: StopPlan.Job) async {
    self.job = job
    if leftovers == nil { leftovers = Leftovers() }
    if let process = job.process {
      launchers.append(process)
      for session in job.mpirun.sessionDirectories(
        of: job.identifier, user: geteuid(), environment: Installation.environment())
      {
        leftovers?.note(session: session, of: process.identifier, since: process.startTime)
      }
    }
    await take(.began(kind))
  }

  /// The job is over; whether it had ranks, where it was given up.
  func ended() async -> Bool? {
    await take(.ended)
    job = nil
    timer?.cancel()
    defer { hadRanks = nil }
    return hadRanks
  }

  /// Ends a job that does not end by itself (``LaunchMonitor``).
  func giveUp(hadRanks: Bool) async {
    self.hadRanks = hadRanks
    await take(.abandoned)
  }

  /// Removes what this program's jobs left, once their ranks are gone, and what killed jobs of
  /// before did: the last thing before the end.
  func tidy() async {
    for _ in 0..<40
    where ending.contains(where: \.isAlive)
      || launchers.contains(where: { Leftovers.hasLivingRanks(of: $0) })
    {
      try? await Task.sleep(for: .milliseconds(50))
    }
    (leftovers ?? Leftovers())?.remove()
    Leftovers.removeDead()
  }

  func take(_ event: StopPlan.Event) async {
    let before = plan.outcome
    let actions = plan.take(event, at: Self.now())
    for action in actions { carryOut(action) }
    if plan.outcome != before, let words = words(for: plan.outcome) { await show(words) }
  }

  private func words(for outcome: StopPlan.Outcome) -> String? {
    switch outcome {
    case .asked: "stopping at the next step, after a checkpoint; once more to stop at once"
    case .forced(.stalled): "a rank stands still: not waiting for a checkpoint"
    case .forced(.graceOver):
      "no checkpoint within \(NumberFormat.formatted(plan.grace)) s (--grace): stopping without one"
    default: nil
    }
  }

  // MARK: Actions

  private func carryOut(_ action: StopPlan.Action) {
    switch action {
    case .ask(let signal): job?.ask(signal)
    case .wake: wake()
    case .end: end()
    case .kill: killAll()
    case .leave: leave()
    case .wait(let seconds):
      timer?.cancel()
      timer = Task {
        try? await Task.sleep(for: .seconds(seconds))
        if !Task.isCancelled { await take(.timer) }
      }
    }
  }

  /// Continues what is stopped: mpirun hands CONT to ranks on other hosts too. What stays stopped
  /// is reported to the plan.
  ///
  /// All processes get it: one that a STOP has yet to reach does not look stopped.
  private func wake() {
    guard let job else { return }
    job.send(SIGCONT)
    for process in job.descendants { process.send(SIGCONT) }
    Task {
      try? await Task.sleep(for: .seconds(1))
      if job.descendants.contains(where: \.isStopped) { await take(.stalled) }
    }
  }

  /// mpirun takes two seconds to end ranks in order, which only ranks on other hosts need.
  private func end() {
    guard let job else { return }
    if job.hasOtherHosts {
      job.send(SIGTERM)
      job.send(SIGCONT)
    } else {
      killAll()
    }
  }

  /// First mpirun, which could start ranks again, then all that it started.
  private func killAll() {
    guard let job else { return }
    // What is stopped starts nothing more: a rank may be about to start its watcher.
    job.process?.send(SIGSTOP)
    for process in job.descendants { process.send(SIGSTOP) }
    let processes = job.descendants
    ending += processes
    if job.process?.isAlive == true { kill(-job.identifier, SIGKILL) }
    for process in processes { process.send(SIGKILL) }
  }

  /// The command's own way out comes first: it removes what it made.
  private func leave() {
    let status = plan.exitStatus ?? ExitCode.workerFailed.rawValue
    command?.cancel()
    Task {
      try? await Task.sleep(for: .milliseconds(500))
      leftovers?.remove()
      Glibc._exit(status)
    }
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
