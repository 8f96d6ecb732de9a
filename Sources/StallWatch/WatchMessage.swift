import FlightRecorder
import FoundationEssentials

/// What the watchers of a job's hosts say to each other: a line of JSON each. A line without
/// anything says that all is well.
struct WatchMessage: Codable, Equatable {
  struct Rank: Codable, Equatable {
    var rank: Int
    var host: String
    var process: Int32
  }

  struct Entries: Codable, Equatable {
    var rank: Int
    var host: String
    var entries: [FlightImage.Entry]
  }

  /// The first line of a host's watcher: the job's token, and which ranks it watches.
  var token: String?
  var ranks: [Rank]?
  /// The states of its ranks, as long as one of them does nothing.
  var states: [RankState]?
  /// Asks for all ranks' last collectives; they come as `entries`.
  var asks: Bool?
  var entries: [Entries]?
  /// The job is ended: what was found is on its way to the user.
  var ends: Bool?

  /// The longest line that is taken from another host, in bytes.
  static let limit = 8 << 20

  var line: [UInt8] {
    ((try? JSONEncoder().encode(self)).map(Array.init) ?? Array("{}".utf8)) + [UInt8(ascii: "\n")]
  }

  init(
    token: String? = nil, ranks: [Rank]? = nil, states: [RankState]? = nil, asks: Bool? = nil,
    entries: [Entries]? = nil, ends: Bool? = nil
  ) {
    (self.token, self.ranks, self.states, self.asks, self.entries, self.ends) = (
      token, ranks, states, asks, entries, ends
    )
  }

  init?(line: [UInt8]) {
    guard let message = try? JSONDecoder().decode(WatchMessage.self, from: Data(line)) else {
      return nil
    }
    self = message
  }
}
