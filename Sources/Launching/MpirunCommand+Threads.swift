import Recording
import Reports
import Scaling

/// How ranks of several threads are bound: each to a block of cores, one a thread.
///
/// mpirun counts ranks in slots, whatever they are bound to, and ends where a host has too few cores
/// for the blocks of its ranks. So each host gets only as many slots as it has room for blocks, and
/// ranks are bound only where there are cores enough, as far as that can be known.
extension MpirunCommand {
  /// Notes what the hosts, in mapping order, said of their cores.
  public mutating func take(_ records: [HostRecord], of hosts: Hostfile) {
    guard records.count == hosts.hosts.count else { return }
    coresOfHosts = Dictionary(
      zip(hosts.hosts.map(\.name), CoreDivision.Host.all(records))
    ) { first, _ in first }
    // mpirun gives a host without slots one for each core that it sees.
    let cores = Dictionary(zip(hosts.hosts.map(\.name), records.map(\.cores))) { first, _ in first }
    let shares = slotted(hosts).shares(of: ranks) { cores[$0] }
    crowding = Oversubscription(records, shares: shares, threads: threads)
  }

  /// Knows of the hosts' cores what another line does.
  public mutating func take(hostsOf other: MpirunCommand) {
    (coresOfHosts, crowding) = (other.coresOfHosts, other.crowding)
  }

  /// Hosts with as many slots each as they have blocks of cores, where these do for all ranks; else
  /// as they were given.
  func slotted(_ hosts: Hostfile) -> Hostfile {
    guard threads > 1 else { return hosts }
    let rooms = hosts.hosts.map { host in
      max(1, min(host.slots ?? .max, cores(of: host).cores / threads))
    }
    return rooms.reduce(0, +) >= ranks ? hosts.limited(to: rooms) : hosts
  }

  /// The arguments that bind each rank to its block of cores, and its memory to the NUMA node that
  /// these belong to; nil where a host has too few cores, or where that is not known.
  var blockBinding: [String]? {
    guard let places = placesOfRanks, places.allSatisfy({ $0.ranks * threads <= $0.host.cores })
    else { return nil }
    // Blocks that follow each other may lie in two NUMA nodes; those of one node may be too few.
    let isWithinNodes = places.allSatisfy { place in
      place.host.cores / place.host.numaNodes / threads * place.host.numaNodes >= place.ranks
    }
    return mpirun.bindToBlocks(
      of: threads,
      withinNodes: isWithinNodes && places.contains { $0.host.numaNodes > 1 })
  }

  /// The ranks of each host that has some; nil where that is not known.
  private var placesOfRanks: [(ranks: Int, host: CoreDivision.Host)]? {
    let own = CoreDivision.Host(cores: machine.cores, numaNodes: machine.numaNodes)
    if let hostfile {
      let shares = slotted(hostfile).shares(of: ranks) { coresOfHosts[$0]?.cores }
      return zip(shares, hostfile.hosts).map { ($0, cores(of: $1)) }.filter { $0.0 > 0 }
    }
    guard hasAllocation else { return [(ranks, own)] }
    // Nodes of one job are mostly alike.
    return SlurmAllocation(inherited).map { [(min(ranks, $0.tasksPerNode), own)] }
  }

  private func cores(of host: Hostfile.Host) -> CoreDivision.Host {
    coresOfHosts[host.name] ?? CoreDivision.Host(cores: host.slots ?? machine.cores)
  }

  /// `4 ranks`, or `4 ranks × 2 threads`.
  var rankText: String {
    let ranks = "\(ranks) rank\(ranks == 1 ? "" : "s")"
    return threads > 1 ? "\(ranks) × \(threads) threads" : ranks
  }
}

extension CoreDivision.Host {
  /// What hosts said of themselves; those that are one machine have a part of its cores each.
  public static func all(_ records: [HostRecord]) -> [CoreDivision.Host] {
    records.map { record in
      CoreDivision.Host(
        cores: record.cores / records.count { $0.machine == record.machine },
        numaNodes: record.numaNodes ?? 1, cacheDomains: record.cacheDomains ?? 1)
    }
  }
}
