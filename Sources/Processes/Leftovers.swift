import Glibc

/// What a process of ours makes outside its run directory, and what is removed of those that were
/// killed: shared memory, Open MPI's session directories.
///
/// Each rank, and the coordinator for each mpirun, has a directory in /dev/shm,
/// `lockstep.UID.NAMESPACE.PROCESS.START`, removed at its end. In a rank's lie the files by which
/// Open MPI shares memory, and the processes above it in `ancestors`; a file `sessions` names the
/// session directories of the mpirun or daemon that it belongs to. A directory whose process is dead
/// was left behind: name, owner and the process table together say so. Those of another process
/// namespace are not looked at.
public struct Leftovers: Sendable {
  /// Where these directories lie.
  public let root: String
  /// This process's directory; nil where none can be made.
  public let directory: String

  private static let prefix = "lockstep"
  private static let sessionsFile = "sessions"
  private static let ancestorsFile = "ancestors"

  /// Makes this process's directory; nil where that cannot be done, which costs nothing but
  /// tidiness.
  public init?(in root: String = "/dev/shm") {
    guard let own = ProcessEntry(getpid()), let namespace = Self.processNamespace else {
      return nil
    }
    self.root = root
    directory =
      "\(root)/\(Self.prefix).\(geteuid()).\(namespace).\(own.identifier).\(own.startTime)"
    guard mkdir(directory, 0o700) == 0 || (errno == EEXIST && Self.isOwn(directory)) else {
      return nil
    }
  }

  /// Notes a session directory, and the process whose end makes it one that was left behind; one
  /// that is dead already has no start.
  public func note(session: String, of identifier: Int32, since startTime: UInt64?) {
    let file = open(
      "\(directory)/\(Self.sessionsFile)", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
      0o600)
    guard file >= 0 else { return }
    defer { close(file) }
    let line = Array("\(identifier) \(startTime ?? 0) \(session)\n".utf8)
    _ = Glibc.write(file, line, line.count)
  }

  /// Writes a small file into the directory and returns its path; nil where that fails.
  public func write(_ name: String, _ text: String) -> String? {
    let path = "\(directory)/\(name)"
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { return nil }
    defer { close(file) }
    let bytes = Array(text.utf8)
    return Glibc.write(file, bytes, bytes.count) == bytes.count ? path : nil
  }

  /// Removes this process's directory, and the session directories of processes that ended without
  /// removing their own.
  public func remove() {
    _ = Self.removeSessions(of: directory)
    Self.removeTree(directory)
  }

  // MARK: A rank's

  /// Makes this rank's directory, and has Open MPI put its shared memory there. Before MPI starts.
  public static func ofRank() -> Leftovers? {
    guard let mine = Leftovers() else { return nil }
    for name in [
      "btl_vader_backing_directory", "btl_sm_backing_directory", "osc_sm_backing_directory",
      "osc_rdma_backing_directory",
    ] {
      setenv("OMPI_MCA_\(name)", mine.directory, 0)
    }
    // Where the launcher is killed its ranks have other parents.
    let above = ProcessEntry.ancestors(of: getpid()).map { "\($0.identifier) \($0.startTime)\n" }
    _ = mine.write(ancestorsFile, above.joined())
    // The directory's name says whose it is. The parent does not: where the launcher was killed it
    // is the process that adopts orphans, which lives for ever.
    if let session = getenv("OMPI_MCA_orte_jobfam_session_dir").map({ String(cString: $0) }),
      let launcher = launcher(of: session)
    {
      mine.note(session: session, of: launcher, since: ProcessEntry(launcher)?.startTime)
    }
    return mine
  }

  // MARK: Others'

  /// Removes what dead processes of this user left, and returns how many directories that were.
  /// Costs a look at a directory where there are none.
  @discardableResult
  public static func removeDead(in root: String = "/dev/shm") -> Int {
    var removed = 0
    for name in SmallFiles.entries(of: root) where name.hasPrefix(prefix + ".") {
      let path = "\(root)/\(name)"
      guard let process = process(of: name), !process.isAlive, isOwn(path) else { continue }
      // The mpirun of a killed coordinator takes a moment to end: the note of its session stays
      // until then.
      guard removeSessions(of: path) else { continue }
      removeTree(path)
      removed += 1
    }
    return removed
  }

  /// Whether ranks that a process launched still run here.
  public static func hasLivingRanks(of launcher: ProcessEntry, in root: String = "/dev/shm") -> Bool
  {
    SmallFiles.entries(of: root).contains { name in
      guard name.hasPrefix(prefix + "."), let process = process(of: name),
        process.identifier != getpid(), process.isAlive
      else { return false }
      return lines(of: "\(root)/\(name)/\(ancestorsFile)").contains {
        $0 == "\(launcher.identifier) \(launcher.startTime)"
      }
    }
  }

  private static func lines(of path: String) -> [Substring] {
    let text = SmallFiles.bytes(path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return text.split(separator: "\n")
  }

  /// Removes the session directories that a directory's notes name; false where one is in use.
  private static func removeSessions(of directory: String) -> Bool {
    var isDone = true
    for line in lines(of: "\(directory)/\(sessionsFile)") where !removeSession(line) {
      isDone = false
    }
    return isDone
  }

  private static func removeSession(_ line: Substring) -> Bool {
    let words = line.split(separator: " ", maxSplits: 2)
    guard words.count == 3, let identifier = Int32(words[0]), let start = UInt64(words[1]) else {
      return true
    }
    let path = String(words[2])
    guard launcher(of: path) == identifier else { return true }
    if ProcessEntry.isAlive(identifier, since: start) { return false }
    if isOwn(path) { removeTree(path) }
    // The host's directory goes with the last session in it.
    if path.hasSuffix("/pid.\(identifier)") {
      rmdir(String(path.dropLast("/pid.\(identifier)".count)))
    }
    return true
  }

  /// The process after which Open MPI named a session directory of this user,
  /// `…/ompi.HOST.UID/pid.PROCESS`, or in version 5 `…/ompi.PROCESS`; nil of anything else.
  private static func launcher(of session: String) -> Int32? {
    let parts = session.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count >= 3, parts[0].isEmpty, !parts.contains("..") else { return nil }
    if let name = parts.last, name.hasPrefix("ompi.") { return Int32(name.dropFirst(5)) }
    guard parts[parts.count - 2].hasPrefix("ompi."),
      parts[parts.count - 2].hasSuffix(".\(geteuid())"), let name = parts.last,
      name.hasPrefix("pid.")
    else { return nil }
    return Int32(name.dropFirst(4))
  }

  private struct Named {
    let identifier: Int32
    let startTime: UInt64
    var isAlive: Bool { ProcessEntry.isAlive(identifier, since: startTime) }
  }

  /// The process that a directory's name says; nil for names that are not ours, of another user, or
  /// of another process namespace.
  private static func process(of name: String) -> Named? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 5, parts[0] == prefix, parts[1] == "\(geteuid())",
      let namespace = processNamespace, parts[2] == namespace,
      let identifier = Int32(parts[3]), identifier > 0, let start = UInt64(parts[4])
    else { return nil }
    return Named(identifier: identifier, startTime: start)
  }

  private static let processNamespace: String? = {
    guard let digits = SmallFiles.link("/proc/self/ns/pid")?.filter(\.isNumber) else { return nil }
    return digits.isEmpty ? nil : digits
  }()

  /// A directory, not a link to one, that belongs to this user.
  private static func isOwn(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
      && status.st_uid == geteuid()
  }

  /// Removes a directory with all that is in it; follows no links.
  private static func removeTree(_ path: String) {
    for name in SmallFiles.entries(of: path) {
      let entry = "\(path)/\(name)"
      if unlink(entry) != 0, errno == EISDIR || errno == EPERM { removeTree(entry) }
    }
    rmdir(path)
  }
}
