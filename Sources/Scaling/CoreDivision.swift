/// How the cores of a job's hosts are divided: how many ranks there are, and with how many threads
/// each computes. Every rank has the same number.
public struct CoreDivision: Sendable, Equatable {
  /// What is known of a host.
  public struct Host: Sendable, Equatable {
    public var cores: Int
    /// NUMA nodes and last-level caches, among which the cores are divided evenly.
    public var numaNodes: Int
    public var cacheDomains: Int
    /// The most ranks that may be started there; nil for no limit.
    public var slots: Int?

    public init(cores: Int, numaNodes: Int = 1, cacheDomains: Int = 1, slots: Int? = nil) {
      (self.cores, self.slots) = (max(1, cores), slots)
      (self.numaNodes, self.cacheDomains) = (max(1, numaNodes), max(1, cacheDomains))
    }

    /// Ranks that have so many cores each, at least one.
    func room(threads: Int) -> Int { max(1, min(slots ?? .max, cores / max(1, threads))) }
  }

  public var ranks: Int
  public var threads: Int
  /// Why there are so many of what was not given, in one line; nil where all was given.
  public var reason: String?

  public init(ranks: Int, threads: Int, reason: String? = nil) {
    (self.ranks, self.threads, self.reason) = (ranks, threads, reason)
  }

  /// Chooses what is nil of ranks and threads.
  ///
  /// - Without ranks, each has `threads` cores.
  /// - Without threads, the ranks of a host share its cores evenly.
  /// - Without both, each core has a rank of one thread: ranks need no synchronization within a
  ///   step's gradient, and their exchange hides behind it. Where fewer ranks can get samples,
  ///   there are so many ranks, and the other cores are their threads.
  ///
  /// - Parameters:
  ///   - hosts: at least one; ranks are spread evenly over them.
  ///   - ranks: over all hosts.
  ///   - threads: of each rank.
  ///   - mostRanks: how many ranks can get samples in a step; nil where that is not known.
  public init(_ hosts: [Host], ranks: Int?, threads: Int?, mostRanks: Int? = nil) {
    precondition(!hosts.isEmpty)
    switch (ranks, threads) {
    case (let ranks?, let threads?):
      self.init(ranks: ranks, threads: threads)
    case (nil, let threads?):
      self.init(ranks: hosts.reduce(0) { $0 + $1.room(threads: threads) }, threads: threads)
    case (let ranks?, nil):
      self.init(ranks: ranks, threads: Self.threads(of: ranks, on: hosts))
      reason = "\(text): \(Self.coresText(hosts)) for \(Self.countText(share(of: hosts), "rank"))"
    case (nil, nil):
      let room = hosts.reduce(0) { $0 + $1.room(threads: 1) }
      let ranks = max(1, min(room, mostRanks ?? room))
      self.init(ranks: ranks, threads: Self.threads(of: ranks, on: hosts))
      let why =
        if ranks < room {
          "a step's samples divide among \(ranks) at most, so the other cores are threads"
        } else if self.threads > 1 {
          "the hosts' slots allow no more ranks, so the other cores are threads"
        } else {
          "a rank for each core"
        }
      reason = "\(text): \(Self.coresText(hosts)), \(why)"
    }
  }

  // MARK: Threads of a given number of ranks

  /// The number that suits the host with least room: all ranks have the same.
  private static func threads(of ranks: Int, on hosts: [Host]) -> Int {
    let share = (ranks + hosts.count - 1) / hosts.count
    return hosts.map { threads(of: share, on: $0) }.min()!
  }

  /// An even part of the cores; a smaller one that keeps every rank within a NUMA node, or within a
  /// last-level cache, where that leaves at most a quarter of those cores idle.
  private static func threads(of ranks: Int, on host: Host) -> Int {
    let even = max(1, host.cores / ranks)
    var best = even
    for domains in [host.numaNodes, host.cacheDomains] where domains > 1 && ranks >= domains {
      let within = (host.cores / domains) / ((ranks + domains - 1) / domains)
      if within < best && 4 * within >= 3 * even { best = max(1, within) }
    }
    return best
  }

  // MARK: Words

  /// `4 ranks × 2 threads`.
  public var text: String {
    "\(Self.countText(ranks, "rank")) × \(Self.countText(threads, "thread"))"
  }

  /// Ranks a host, at most.
  private func share(of hosts: [Host]) -> Int { (ranks + hosts.count - 1) / hosts.count }

  private static func coresText(_ hosts: [Host]) -> String {
    let (least, most) = (hosts.map(\.cores).min()!, hosts.map(\.cores).max()!)
    let cores = countText(least, "core")
    guard hosts.count > 1 else { return cores }
    return least == most
      ? "\(cores) a host" : "\(cores) on the smallest host (\(most) on the largest)"
  }

  private static func countText(_ count: Int, _ what: String) -> String {
    "\(count) \(what)\(count == 1 ? "" : "s")"
  }
}
