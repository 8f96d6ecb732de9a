/// A cluster to be played on one machine: real ranks, whose exchanges take as long as they would
/// between hosts that are not there.
public struct Simulation: Sendable, Equatable {
  /// Hosts, over which consecutive ranks are spread evenly.
  public var hosts: Int
  /// Seconds a round of messages between hosts.
  public var latency: Double
  /// Bytes a second through each host's link.
  public var bandwidth: Double
  /// Ranks whose computing is slowed, and by what factor.
  public var stragglers: [Straggler]
  /// As it was written.
  public var text: String

  public struct Straggler: Sendable, Equatable {
    public var rank: Int
    public var factor: Double
  }

  /// Why a text is no simulation.
  public struct Mistake: Error, CustomStringConvertible, Equatable {
    public let description: String
  }

  /// Reads `latency=20us,bandwidth=10Gbit/s,hosts=4,straggler=2:1.5`, in any order. `straggler` may
  /// be repeated. Left out, a latency is 0, a bandwidth infinite and every rank a host.
  public init(_ text: String) throws(Mistake) {
    self.text = text
    (hosts, latency, bandwidth, stragglers) = (Int.max, 0, .infinity, [])
    var seen: Set<Substring> = []
    for field in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw Mistake(
          description:
            "\"\(field)\": wanted latency=20us,bandwidth=10Gbit/s,hosts=4,straggler=2:1.5")
      }
      let (key, value) = (parts[0], parts[1])
      if key != "straggler" && !seen.insert(key).inserted {
        throw Mistake(description: "\(key) is given twice")
      }
      switch key {
      case "latency":
        guard let seconds = Link.seconds(value), seconds <= 10 else {
          throw Mistake(description: "latency=\(value): wanted a time up to 10 s, such as 20us")
        }
        latency = seconds
      case "bandwidth":
        guard let speed = Link.bytesPerSecond(value), speed >= 1000 else {
          throw Mistake(
            description:
              "bandwidth=\(value): wanted a speed of at least 8 kbit/s, such as 10Gbit/s or 1GB/s")
        }
        bandwidth = speed
      case "hosts":
        guard let count = Int(value), (1...65536).contains(count) else {
          throw Mistake(description: "hosts=\(value): wanted a number from 1 to 65536")
        }
        hosts = count
      case "straggler":
        let words = value.split(separator: ":", omittingEmptySubsequences: false)
        guard words.count == 2, let rank = Int(words[0]), rank >= 0, let factor = Double(words[1]),
          (1...1000).contains(factor)
        else {
          throw Mistake(
            description:
              "straggler=\(value): wanted rank:factor, such as 2:1.5, the factor from 1 to 1000")
        }
        stragglers.append(Straggler(rank: rank, factor: factor))
      default:
        throw Mistake(description: "\"\(key)\": there are latency, bandwidth, hosts and straggler")
      }
    }
  }

  /// In words, for so many ranks:
  /// `4 hosts of 2 ranks, links of 10 Gbit/s and 20 µs; rank 2 computes 1.5 times slower`.
  public func description(ranks: Int) -> String {
    let placement = placement(ranks: ranks)
    let each = placement.ranksPerHost.map { " of \($0) rank\($0 == 1 ? "" : "s")" } ?? ""
    let speed = bandwidth.isFinite ? Link.text(bytesPerSecond: bandwidth) : "any speed"
    let links =
      "\(placement.hostCount) host\(placement.hostCount == 1 ? "" : "s")\(each), links of \(speed) and \(Link.text(seconds: latency))"
    return ([links] + stragglers.map { "rank \($0.rank) computes in \($0.factor) times its time" })
      .joined(separator: "; ")
  }

  /// The simulation as it is written for so many ranks: without the stragglers that are not among
  /// them. Nil where nothing is left of it.
  public func text(ranks: Int) -> String? {
    let fields = text.split(separator: ",").filter { field in
      let words = field.split(separator: "=", maxSplits: 1)
      guard words[0] == "straggler" else { return true }
      return Int(words[1].prefix { $0 != ":" }).map { $0 < ranks } ?? false
    }
    return fields.isEmpty ? nil : fields.joined(separator: ",")
  }

  /// Which host each of this many ranks is on.
  public func placement(ranks: Int) -> Placement {
    Placement(ranks: ranks, onHosts: min(hosts, ranks))
  }

  /// How much slower a rank computes.
  public func factor(ofRank rank: Int) -> Double {
    stragglers.filter { $0.rank == rank }.reduce(1) { $0 * $1.factor }
  }

  /// Seconds that traffic takes between the hosts; what happens within one is real, and not
  /// counted.
  public func seconds(_ traffic: Traffic) -> Double {
    latency * traffic.networkRounds + (bandwidth.isFinite ? traffic.linkBytes / bandwidth : 0)
  }
}
