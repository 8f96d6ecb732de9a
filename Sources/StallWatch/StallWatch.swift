import CFlightRecorder
import CProcess
import FlightRecorder
import Glibc
import Processes

/// Finds out when a job hangs and which rank it waits for, from a process of its own on each host:
/// SIGSTOP stops all threads of a rank.
///
/// The first rank of a host starts the watcher before MPI starts; the kernel ends it with that
/// rank. It reads the flight recorders of the host's ranks, and what `/proc` says of them.
public enum StallWatch {
  /// Limits in seconds, 0 for never.
  public struct Options: Sendable, Equatable {
    /// From when on a stall is reported.
    public var warn: Double
    /// From when on it ends the run.
    public var abort: Double
    /// Whether reports are events for a coordinator.
    public var printsEvents: Bool

    public init(warn: Double = 10, abort: Double = 600, printsEvents: Bool = false) {
      (self.warn, self.abort, self.printsEvents) = (warn, abort, printsEvents)
    }

    /// What is wrong with a limit as the user gave it; nil where nothing is.
    public static func mistake(_ name: String, _ seconds: Double) -> String? {
      seconds >= 0 && seconds <= 1e9
        ? nil : "\(name) \(seconds): give seconds from 0 (never) to 1e9"
    }
  }

  /// The first argument of a program that is to be a watcher.
  public static let option = "--watch-stalls"
  /// The signal by which a watcher ends a rank: with exit code 70, not as one that was killed.
  static var endSignal: Int32 { __libc_current_sigrtmin() + 6 }
  /// The descriptor at which a watcher finds its rank's record.
  private static let recordFile: Int32 = 3

  static func hasSeveralHosts(_ place: LaunchPlace) -> Bool {
    place.size == 0 || place.localSize == 0 || place.size > place.localSize
  }

  // MARK: In a rank

  /// Keeps a flight recorder and, on a host's first rank, starts the watcher. Before MPI starts,
  /// while the process has one thread.
  ///
  /// Returns why it could not, in which case the run is none the worse.
  public static func begin(_ options: Options) -> String? {
    guard options.warn > 0 || options.abort > 0 else { return nil }
    let place = LaunchPlace()
    guard let file = FlightRecorder.begin(place) else {
      return "stalls are not watched: no memory for the flight recorder"
    }
    _ = cfr_exit_on_signal(endSignal, 70)
    guard place.localRank == 0 else { return nil }
    return start(options, record: file)
  }

  private static func start(_ options: Options, record file: Int32) -> String? {
    let words = [
      "lockstep-watch", option, String(getpid()), String(options.warn), String(options.abort),
      options.printsEvents ? "events" : "lines",
    ]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, file, recordFile)
    _ = cprocess_close_from(&actions, recordFile + 1)
    var process: pid_t = 0
    let error = posix_spawn(&process, "/proc/self/exe", &actions, nil, &arguments, environ)
    return error == 0
      ? nil
      : "stalls are not watched: the watcher cannot be started: \(String(cString: strerror(error)))"
  }

  /// At rank 0, once MPI runs: what the other ranks are to hand to their watchers; empty where all
  /// ranks are on one host.
  public static var invitation: String {
    guard FlightRecorder.isOn, hasSeveralHosts(LaunchPlace()) else { return "" }
    for _ in 0..<400 {
      if let listening = FlightRecorder.listening { return listening == "-" ? "" : listening }
      usleep(5000)
    }
    return ""
  }

  /// Elsewhere: hands on what rank 0 said.
  public static func accept(invitation: String) {
    if !invitation.isEmpty { FlightRecorder.publish(invitation: invitation) }
  }

  // MARK: In the watcher

  /// Becomes a watcher, and never returns, where the program's arguments say so: the first thing a
  /// program does that calls ``begin(_:)``.
  public static func runIfAsked(_ arguments: [String] = CommandLine.arguments) {
    guard arguments.count == 6, arguments[1] == option else { return }
    // The parent may have ended before the kernel knew of the wish.
    _ = cprocess_die_with_parent()
    guard let parent = Int32(arguments[2]), getppid() == parent, let warn = Double(arguments[3]),
      let abort = Double(arguments[4]),
      let image = FlightImage(file: recordFile)
    else { exit(64) }
    cprocess_set_name("lockstep-watch")
    // mpirun sends signals for its ranks to their groups, of which this process is one.
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGQUIT] {
      Glibc.signal(signal, SIG_IGN)
    }
    let options = Options(warn: warn, abort: abort, printsEvents: arguments[5] == "events")
    var watcher = StallWatcher(image, options) {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
    watcher.run()
  }
}
