/// What the exchange of gradients alone takes on some ranks, by size: one line of JSON of a worker
/// that was asked to time it.
public struct ExchangeTimes: Sendable, Equatable, Decodable, JSONWritable {
  /// The host of each rank.
  public var hosts: [String]
  /// How gradients are exchanged: replicated, messages, shared or ordered.
  public var pattern: String
  public var sizes: [Size]

  /// The times at one size, each the slowest rank's.
  public struct Size: Sendable, Equatable, Decodable, JSONWritable {
    /// Of the gradient.
    public var bytes: Int
    /// Of the ledger's record.
    public var ledgerBytes: Int
    /// From a barrier to weights that every rank has: sum, ledger, publish.
    public var seconds: [Double]

    private enum CodingKeys: String, CodingKey {
      case bytes, seconds
      case ledgerBytes = "ledger_bytes"
    }

    public init(bytes: Int, ledgerBytes: Int, seconds: [Double]) {
      (self.bytes, self.ledgerBytes, self.seconds) = (bytes, ledgerBytes, seconds)
    }

    public func write(to json: inout JSONText) {
      json.object {
        $0.field("bytes", bytes)
        $0.field("ledger_bytes", ledgerBytes)
        $0.key("seconds")
        $0.array(seconds) { $0.value($1) }
      }
    }
  }

  public init(hosts: [String], pattern: String, sizes: [Size]) {
    (self.hosts, self.pattern, self.sizes) = (hosts, pattern, sizes)
  }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("hosts", hosts)
      $0.field("pattern", pattern)
      $0.field("sizes", sizes)
    }
  }
}
