import CProcess
import FlightRecorder
import Glibc
import Processes

/// The process that watches a host's ranks. That of rank 0's host hears from the others' and is the
/// one that judges.
struct StallWatcher {
  private let parent: FlightImage
  private let place = LaunchPlace()
  private let output: StallOutput
  private var local: LocalRanks
  private var episode: StallEpisode
  private let interval: Double
  /// At rank 0: the others. Elsewhere: the connection to rank 0's.
  private var hosts: RemoteHosts?
  private var link: WatchSocket?
  private var nextConnection: UInt64 = 0
  private let clock: () -> UInt64

  init(_ parent: FlightImage, _ options: StallWatch.Options, clock: @escaping () -> UInt64) {
    self.parent = parent
    self.clock = clock
    output = StallOutput(printsEvents: options.printsEvents)
    episode = StallEpisode(warn: options.warn, abort: options.abort)
    local = LocalRanks(place, parent: parent, now: clock())
    interval = min(0.5, max(0.02, (episode.least ?? 10) / 20))
    if place.rank == 0 && StallWatch.hasSeveralHosts(place) {
      hosts = RemoteHosts(now: clock())
      parent.publish(listening: hosts?.invitation ?? "-")
    }
  }

  /// Watches until the rank that started it ends, and with it this process.
  mutating func run() -> Never {
    while true {
      let now = clock()
      let states = local.look(now: now, interval: interval)
      if place.rank == 0 { judge(states, now) } else { report(states, now) }
      var files = ((hosts?.files ?? []) + (link.map { [$0.file] } ?? [])).map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      // What comes in is looked at once an interval, too.
      if files.isEmpty || hosts != nil {
        usleep(UInt32(interval * 1e6))
      } else {
        poll(&files, nfds_t(files.count), Int32(interval * 1e3))
      }
    }
  }

  // MARK: On rank 0's host

  private mutating func judge(_ own: [RankState], _ now: UInt64) {
    guard let least = episode.least else { return }
    let states = own + (hosts?.look(now: now, silence: max(3, least)) ?? [])
    // A rank under a debugger may stand still.
    let isTraced = states.contains { $0.condition == .traced }
    let stall =
      isTraced
      ? nil : StallJudge.stall(of: states, size: max(parent.size, states.count), least: least)
    for action in episode.observe(stall) {
      switch action {
      case .warn(let stall):
        // First into the run's directory: who reads the warning may end the job, and this process
        // with it, at once.
        output.record(stall, in: parent.directory)
        output.report(stall)
      case .ended(let stall, let seconds): output.reportEnd(stall, seconds: seconds)
      case .abort(let stall, let hadWarned): end(stall, hadWarned: hadWarned, states, now)
      }
    }
  }

  /// Ends the job: what is to be known later is written, then the ranks of each host are ended by
  /// its watcher.
  private mutating func end(_ stall: Stall, hadWarned: Bool, _ states: [RankState], _ now: UInt64)
    -> Never
  {
    let host = parent.host
    let own = local.entries.map {
      WatchMessage.Entries(rank: $0.rank, host: host, entries: $0.entries)
    }
    let others = hosts?.entries(clock) ?? []
    if !hadWarned { output.record(stall, in: parent.directory) }
    let folder = output.write(own + others, states: states, in: parent.directory, now: now)
    output.reportAbort(stall, limit: episode.abort, directory: folder)
    hosts?.end()
    endRanks()
  }

  /// Ends the ranks here with exit code 70.
  ///
  /// Hydra's server on a host kills all ranks there as soon as one has ended, and mpirun's exit code
  /// is then a killed rank's. So it is stopped while they end.
  private func endRanks() -> Never {
    cprocess_live_without_parent()
    let server = ProcessTable.hydraServer(of: parent.process)
    server?.send(SIGSTOP)
    var ranks = local.processes
    for rank in ranks {
      kill(rank, StallWatch.endSignal)
      // A stopped process takes signals when it goes on.
      kill(rank, SIGCONT)
    }
    for _ in 0..<2000 where !ranks.isEmpty {
      usleep(1000)
      ranks.removeAll { ProcessTable.condition(of: $0) == .gone }
    }
    for rank in ranks { kill(rank, SIGKILL) }
    server?.send(SIGCONT)
    exit(0)
  }

  // MARK: On other hosts

  private mutating func report(_ states: [RankState], _ now: UInt64) {
    if let link, !link.isOpen { self.link = nil }
    if link == nil { connect(states, now) }
    guard let link else { return }
    for message in link.received() {
      if message.ends == true { endRanks() }
      guard message.asks == true else { continue }
      link.send(
        WatchMessage(
          entries: local.entries.map { rank in
            WatchMessage.Entries(rank: rank.rank, host: parent.host, entries: rank.entries)
          }))
    }
    let isStill = states.contains { $0.quiet >= 3 * interval }
    link.send(WatchMessage(states: isStill ? states : nil))
  }

  private mutating func connect(_ states: [RankState], _ now: UInt64) {
    guard now >= nextConnection, let words = parent.invitation?.split(separator: " "),
      words.count > 2, let port = Int(words[1])
    else { return }
    nextConnection = now + 5_000_000_000
    for address in words[2...] {
      guard let socket = WatchSocket.connected(to: String(address), port: port) else { continue }
      let ranks = states.map {
        WatchMessage.Rank(rank: $0.rank, host: $0.host, process: $0.process)
      }
      socket.send(WatchMessage(token: String(words[0]), ranks: ranks))
      link = socket
      return
    }
  }
}
