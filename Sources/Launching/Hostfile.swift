/// The hosts and slots of an Open MPI hostfile, or of a list on the command line, checked before
/// mpirun sees them.
///
/// A line reads `name`, `name slots=N` or `name slots=N max_slots=M`; `#` starts a comment. Names
/// are limited to letters, digits, dots, hyphens and underscores and do not start with a hyphen,
/// since mpirun hands them to ssh, which would take such a name for an option. `user@name` says as
/// whom ssh is to go there.
public struct Hostfile: Sendable, Equatable {
  public struct Host: Sendable, Equatable {
    public var name: String
    /// Nil when the line does not say: Open MPI then takes the host's cores.
    public var slots: Int?
    public var maxSlots: Int?
    /// Nil for the name that this user has here.
    public var user: String?

    /// What ssh is given.
    public var address: String { user.map { "\($0)@\(name)" } ?? name }
  }

  /// Nil where the hosts were given as a list.
  public private(set) var path: String?
  public private(set) var hosts: [Host]
  /// A file for mpirun with the same hosts, where it would not understand what was given: lines
  /// that end in CR LF, users in a list.
  public private(set) var ownText: String?

  /// The hosts for mpirun, in a file that holds ``ownText``.
  public func written(to path: String) -> Hostfile {
    var copy = self
    (copy.path, copy.ownText) = (path, nil)
    return copy
  }

  /// The same hosts with other numbers of slots, one a host, of which mpirun counts these alone.
  func limited(to slots: [Int]) -> Hostfile {
    var copy = self
    for (index, count) in slots.enumerated() { copy.hosts[index].slots = count }
    copy.isLimited = true
    return copy
  }
  private var isLimited = false

  private var text: String {
    hosts.map { host in
      host.address + (host.slots.map { " slots=\($0)" } ?? "")
        + (host.maxSlots.map { " max_slots=\($0)" } ?? "") + "\n"
    }.joined()
  }

  /// All slots, or nil when a line leaves them to Open MPI.
  public var slots: Int? {
    hosts.reduce(0 as Int?) { sum, host in
      guard let sum, let slots = host.slots else { return nil }
      return sum + slots
    }
  }

  /// Parses a hostfile's text; the error names the file, the line and what is wrong with it.
  public init(path: String, text: String) throws(LaunchError) {
    var hosts: [Host] = []
    for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      let line = raw.prefix { $0 != "#" }
      guard !line.allSatisfy(\.isWhitespace) else { continue }
      hosts.append(try Self.host(of: line, at: "\(path):\(index + 1)"))
    }
    guard !hosts.isEmpty else {
      throw LaunchError("\(path): names no host; a line reads: name slots=N")
    }
    self.path = path
    self.hosts = hosts
    if text.utf8.contains(UInt8(ascii: "\r")) { ownText = self.text }
  }

  /// Parses a list as mpirun's `--host` takes it: `node1:2,node2:2`. A host without a number has
  /// one slot.
  public init(list: String) throws(LaunchError) {
    var hosts: [Host] = []
    for item in list.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = item.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard let (user, name) = Self.userAndName(parts[0]) else {
        throw LaunchError(
          "--hosts: \"\(parts[0].filter(Self.isNameCharacter))\" is no host name: give names and slots, such as node1:2,node2:2"
        )
      }
      guard let slots = parts.count == 1 ? 1 : Int(parts[1]), (1...65536).contains(slots) else {
        throw LaunchError(
          "--hosts: \(name) needs a number of slots from 1 to 65536 behind its colon")
      }
      guard !hosts.contains(where: { $0.name == name }) else {
        throw LaunchError("--hosts: \(name) is named twice; give it all its slots at once")
      }
      hosts.append(Host(name: name, slots: slots, user: user))
    }
    self.path = nil
    self.hosts = hosts
    if hosts.contains(where: { $0.user != nil }) { ownText = text }
  }

  /// `node1:2,node2:2`.
  var list: String { hosts.map { "\($0.name):\($0.slots ?? 1)" }.joined(separator: ",") }

  /// The arguments that name the hosts to Open MPI's mpirun.
  var arguments: [String] {
    let list = ["--host", list]
    guard let path else { return list }
    // With both, the list limits the file's slots.
    return ["--hostfile", path] + (isLimited ? list : [])
  }

  /// The hosts in the order in which mpirun gives them ranks: the one that it is started on comes
  /// first, wherever it stands in the list. So Open MPI 4 does by itself; others are given the hosts
  /// in this order.
  public func inMappingOrder(isOwn: (String) -> Bool) -> Hostfile {
    var ordered = self
    ordered.hosts = hosts.filter { isOwn($0.name) } + hosts.filter { !isOwn($0.name) }
    if ordered.hosts.map(\.name) != hosts.map(\.name), path != nil || ownText != nil {
      ordered.ownText = ordered.text
    }
    return ordered
  }

  /// How many of `ranks` each host gets: mpirun fills slots in the order of the hosts, here
  /// ``inMappingOrder(isOwn:)``. What does not fit is dealt out evenly.
  public func shares(of ranks: Int, coresOfHost: (String) -> Int?) -> [Int] {
    var left = ranks
    var shares = hosts.map { host in
      let share = min(left, host.slots ?? coresOfHost(host.name) ?? 1)
      left -= share
      return share
    }
    for index in 0..<left { shares[index % shares.count] += 1 }
    return shares
  }

  private static func host(of line: Substring, at place: String) throws(LaunchError) -> Host {
    // `slots = 4` is as good as `slots=4`.
    let words = line.split(whereSeparator: { $0.isWhitespace || $0 == "=" }).map(String.init)
    // A line of nothing but "=" has no word.
    guard let (user, name) = userAndName(words.first ?? "") else {
      throw LaunchError(
        "\(place): not a host name: it may hold letters, digits, dots, hyphens and underscores, and not start with a hyphen"
      )
    }
    var host = Host(name: name, slots: nil, user: user)
    var rest = words.dropFirst()
    while let key = rest.popFirst() {
      guard ["slots", "max_slots", "max-slots"].contains(key) else {
        throw LaunchError(
          "\(place): unknown key \"\(key.filter(isNameCharacter))\"; a line reads: name slots=N max_slots=M"
        )
      }
      guard let number = rest.popFirst().flatMap({ Int($0) }), (1...65536).contains(number) else {
        throw LaunchError("\(place): \(key) needs a number from 1 to 65536")
      }
      if key == "slots" { host.slots = number } else { host.maxSlots = number }
    }
    return host
  }

  static func isHostName(_ name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix("-") && name.allSatisfy(isNameCharacter)
  }

  /// The parts of `name` or `user@name`; nil where one of them is no name.
  private static func userAndName(_ word: some StringProtocol) -> (user: String?, name: String)? {
    let parts = String(word).split(
      separator: "@" as Character, maxSplits: 1, omittingEmptySubsequences: false
    ).map(String.init)
    guard parts.allSatisfy(isHostName), let name = parts.last else { return nil }
    return (parts.count == 2 ? parts[0] : nil, name)
  }

  private static func isNameCharacter(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || ".-_".contains(character))
  }
}

/// Why workers cannot be started, in one line: what, where, what to do.
public struct LaunchError: Error, Sendable, Equatable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
