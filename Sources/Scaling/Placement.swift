/// On which host each rank runs.
public struct Placement: Sendable, Equatable {
  /// The host of each rank, hosts counted from 0 in the order of their first rank.
  public let hosts: [Int]
  public let hostCount: Int

  public init(_ hosts: [Int]) {
    self.hosts = hosts
    hostCount = (hosts.max() ?? -1) + 1
  }

  /// Consecutive ranks fill one host after another, as evenly as it goes, the first ones having one
  /// more.
  public init(ranks: Int, onHosts hosts: Int) {
    let hosts = max(1, min(hosts, ranks))
    self.init((0..<ranks).map { rank in Self.host(of: rank, ranks: ranks, hosts: hosts) })
  }

  /// Hosts of this many ranks each, the last one with what is left.
  public init(ranks: Int, perHost: Int) { self.init((0..<ranks).map { $0 / max(1, perHost) }) }

  /// From each rank's host name.
  public init(names: [String]) {
    var numbers: [String: Int] = [:]
    self.init(
      names.map { name in
        let number = numbers[name] ?? numbers.count
        numbers[name] = number
        return number
      })
  }

  private static func host(of rank: Int, ranks: Int, hosts: Int) -> Int {
    let (least, more) = (ranks / hosts, ranks % hosts)
    let border = more * (least + 1)
    return rank < border ? rank / (least + 1) : more + (rank - border) / least
  }

  public var rankCount: Int { hosts.count }

  /// The ranks of a host if all hosts have equally many, else nil.
  public var ranksPerHost: Int? {
    var counts = [Int](repeating: 0, count: hostCount)
    for host in hosts { counts[host] += 1 }
    guard let first = counts.first, counts.allSatisfy({ $0 == first }) else { return nil }
    return first
  }
}
