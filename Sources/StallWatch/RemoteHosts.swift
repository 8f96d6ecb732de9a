import FlightRecorder
import Glibc

/// The other hosts' watchers, as that of rank 0 hears from them.
struct RemoteHosts {
  private let listener: Int32
  private let token: String
  private var links: [Link] = []
  /// What rank 0 hands to the other ranks: token, port, addresses.
  let invitation: String

  private struct Link {
    var socket: WatchSocket
    var ranks: [WatchMessage.Rank]?
    var states: [RankState] = []
    var heard: UInt64
    var entries: [WatchMessage.Entries]?
  }

  init?(now: UInt64) {
    guard let (file, port) = WatchSocket.listening() else { return nil }
    listener = file
    token = (0..<4).map { _ in String(UInt32.random(in: .min ... .max), radix: 16) }.joined(
      separator: "-")
    invitation = ([token, String(port)] + WatchSocket.addresses()).joined(separator: " ")
  }

  /// What to wait for.
  var files: [Int32] { [listener] + links.map(\.socket.file) }

  /// Takes in what has come, and returns what is known of the ranks of hosts where one does
  /// nothing, or which have been silent for `silence` seconds.
  mutating func look(now: UInt64, silence: Double) -> [RankState] {
    while links.count < 65536 {
      let file = accept(listener, nil, nil)
      if file < 0 { break }
      links.append(Link(socket: WatchSocket(file: file), heard: now))
    }
    var states: [RankState] = []
    for index in links.indices {
      for message in links[index].socket.received() {
        if links[index].ranks == nil {
          guard message.token == token, let ranks = message.ranks else {
            links[index].socket = WatchSocket(file: -1)
            break
          }
          links[index].ranks = ranks
        }
        links[index].heard = now
        if let entries = message.entries {
          links[index].entries = entries
        } else {
          links[index].states = message.states ?? []
        }
      }
      let quiet = Double(now - min(now, links[index].heard)) * 1e-9
      if let ranks = links[index].ranks, quiet >= silence || !links[index].socket.isOpen {
        states += ranks.map {
          RankState(
            rank: $0.rank, host: $0.host, process: $0.process, condition: .unreachable, quiet: quiet
          )
        }
      } else {
        states += links[index].states
      }
    }
    links.removeAll { !$0.socket.isOpen && $0.ranks == nil }
    return states
  }

  /// Has the other hosts' watchers end their ranks: an mpirun that waits for a host that is silent,
  /// or for a rank that is stopped, may end none of them.
  func end() {
    for link in links where link.ranks != nil { link.socket.send(WatchMessage(ends: true)) }
  }

  /// All ranks' last collectives, from the hosts that answer within two seconds.
  mutating func entries(_ clock: () -> UInt64) -> [WatchMessage.Entries] {
    for index in links.indices where links[index].ranks != nil {
      links[index].socket.send(WatchMessage(asks: true))
    }
    let end = clock() + 2_000_000_000
    while clock() < end,
      links.contains(where: { $0.ranks != nil && $0.socket.isOpen && $0.entries == nil })
    {
      var files = self.files.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      poll(&files, nfds_t(files.count), 100)
      _ = look(now: clock(), silence: .infinity)
    }
    return links.flatMap { $0.entries ?? [] }
  }
}
