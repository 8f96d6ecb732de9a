import Recording
import Reports

/// How a job's ranks and the cores of its machines go together, as the hosts themselves reported.
public enum Oversubscription: Sendable, Equatable {
  case roomy
  /// Hosts that are one machine, with a core for each of their ranks.
  case shared
  /// A machine with more ranks than cores.
  case oversubscribed

  /// Judges `shares` ranks on each of `hosts`, which take a core a thread.
  public init(_ hosts: [HostRecord], shares: [Int], threads: Int = 1) {
    var machines: [String: (threads: Int, hosts: Int, cores: Int)] = [:]
    for (host, share) in zip(hosts, shares) {
      let known = machines[host.machine] ?? (0, 0, host.cores)
      machines[host.machine] = (
        known.threads + share * threads, known.hosts + 1, max(known.cores, host.cores)
      )
    }
    if machines.values.contains(where: { $0.threads > $0.cores }) {
      self = .oversubscribed
    } else {
      self = machines.values.contains { $0.hosts > 1 } ? .shared : .roomy
    }
  }
}
