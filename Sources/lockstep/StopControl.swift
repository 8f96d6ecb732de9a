import Glibc

/// Turns the user's signals into the job's: ask for a checkpoint and an end, and insist when that takes too long.
actor StopControl {
  /// How many times the user has asked to stop.
  private(set) var requests = 0
  /// Whether the job was ended without waiting for its checkpoint.
  private(set) var isForced = false

  private var send: (@Sendable (Int32) -> Void)?
  private var insisting: Task<Void, Never>?
  private let watch: RunWatch
  private static let grace = Duration.seconds(30)
  private static let patience = Duration.seconds(3)

  init(watch: RunWatch) { self.watch = watch }

  var isRequested: Bool { requests > 0 }

  /// A job runs now and takes signals through `send`.
  func began(send: @escaping @Sendable (Int32) -> Void) {
    self.send = send
    // A stop asked for while the job was being started is handed on.
    if isRequested { ask() }
  }

  func ended() {
    send = nil
    insisting?.cancel()
    insisting = nil
  }

  func received(_ signal: Int32) async {
    if signal == SIGUSR1 {
      send?(SIGUSR1)
      return
    }
    requests += 1
    switch requests {
    case 1:
      await watch.show("stopping at the next step, after a checkpoint; once more to stop at once")
      ask()
    case 2: insist()
    default: send?(SIGKILL)
    }
  }

  /// USR2 reaches every worker through mpirun: checkpoint, then end.
  private func ask() {
    send?(SIGUSR2)
    insisting = Task { [weak self] in
      try? await Task.sleep(for: Self.grace)
      if !Task.isCancelled { await self?.insist() }
    }
  }

  /// TERM makes mpirun end the workers within two seconds; KILL is for an mpirun that does not.
  private func insist() {
    guard let send else { return }
    isForced = true
    insisting?.cancel()
    send(SIGTERM)
    insisting = Task {
      try? await Task.sleep(for: Self.patience)
      if !Task.isCancelled { send(SIGKILL) }
    }
  }
}
