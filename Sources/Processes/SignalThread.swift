import Glibc

/// The thread that takes the signals which a program blocks, one after another, from the first that
/// came while it started.
///
/// Every other thread keeps them blocked, so no code is ever interrupted by a handler. In a program
/// with Dispatch, whose own thread opens itself to all signals, that one's handler hands them over.
public enum SignalThread {
  /// Signals that end a job, or ask something of it.
  public static let numbers: [Int32] = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2]

  public static var set: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers {
      // nohup has HUP ignored, and means it.
      var before = sigaction()
      if number == SIGHUP, sigaction(SIGHUP, nil, &before) == 0,
        unsafeBitCast(before.__sigaction_handler.sa_handler, to: Int.self) == 1
      {
        continue
      }
      sigaddset(&set, number)
    }
    return set
  }

  /// The process that sent what `take` was last given, 0 where it was the kernel; only for `take`
  /// itself.
  public nonisolated(unsafe) private(set) static var sender: Int32 = 0

  /// Starts the thread. `take` gets a signal, or nil once the seconds have passed that it last
  /// returned; nil: without limit.
  ///
  /// The caller's thread has the signals blocked, and so have all that it starts from now on.
  public static func start(
    alongsideDispatch: Bool = false, _ take: @escaping @Sendable (Int32?) -> Double?
  ) {
    var blocked = set
    pthread_sigmask(SIG_BLOCK, &blocked, nil)
    final class Body: Sendable {
      let take: @Sendable (Int32?) -> Double?
      init(_ take: @escaping @Sendable (Int32?) -> Double?) { self.take = take }
    }
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      {
        let take = Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().take
        var set = SignalThread.set
        var patience: Double? = 0
        while true {
          let number: Int32
          var info = siginfo_t()
          if let seconds = patience {
            var limit = timespec(
              tv_sec: Int(seconds), tv_nsec: Int((seconds - seconds.rounded(.down)) * 1e9))
            number = sigtimedwait(&set, &info, &limit)
          } else {
            number = sigwaitinfo(&set, &info)
          }
          SignalThread.sender = number > 0 ? info._sifields._kill.si_pid : 0
          if number > 0 { patience = take(number) } else if errno == EAGAIN { patience = take(nil) }
        }
      }, Unmanaged.passRetained(Body(take)).toOpaque())
    guard status == 0 else {
      fatalError("no thread can be started: \(String(cString: strerror(status)))")
    }
    pthread_detach(thread)
    guard alongsideDispatch else { return }
    waitingThread = thread
    for number in numbers where sigismember(&blocked, number) == 1 {
      signal(number) { pthread_kill(waitingThread, $0) }
    }
  }
}

/// The thread that handlers hand signals to; set before any is installed.
private nonisolated(unsafe) var waitingThread = pthread_t()
