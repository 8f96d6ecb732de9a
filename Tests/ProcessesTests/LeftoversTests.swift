import Foundation
import Glibc
import Processes
import RankTesting
import Testing

/// Leftovers of killed processes are distinguished from files of living ones, and from files that
/// are not ours.
struct LeftoversTests {
  private let folder = TemporaryFolder()
  private var root: String { folder.path }

  private func exists(_ name: String) -> Bool { folder.exists(name) }

  private func make(_ name: String, file: String? = nil, _ text: String = "") throws {
    try FileManager.default.createDirectory(
      atPath: "\(root)/\(name)", withIntermediateDirectories: true)
    if let file { folder.write(text, to: "\(name)/\(file)") }
  }

  /// A process that runs until it is killed.
  private func running() throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/cat")
    process.standardInput = Pipe()
    try process.run()
    return process
  }

  /// A process that has ended.
  private func ended() throws -> (identifier: Int32, start: UInt64) {
    let process = try running()
    let entry = try #require(ProcessEntry(process.processIdentifier))
    // The threads that run tests block signals such as TERM, and their children inherit that.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    return (entry.identifier, entry.startTime)
  }

  /// A rank is its launcher's also where that has ended, and the rank has another parent.
  @Test func livingRanksAreThoseThatNoteTheLauncher() throws {
    let rank = try running()
    defer { rank.terminate() }
    let entry = try #require(ProcessEntry(rank.processIdentifier))
    let launcher = try #require(ProcessEntry(getpid()))
    #expect(ProcessEntry.ancestors(of: entry.identifier).first == launcher)
    #expect(ProcessEntry.ancestors(of: entry.identifier).last?.parent == 0)
    let mine = try #require(Leftovers(in: root)?.directory.split(separator: "/").last)
    let space = mine.split(separator: ".")[2]
    let name = "lockstep.\(geteuid()).\(space).\(entry.identifier).\(entry.startTime)"
    func isLiving(_ ancestors: String) throws -> Bool {
      try make(name, file: "ancestors", ancestors)
      return Leftovers.hasLivingRanks(of: launcher, in: root)
    }
    let line = "\(launcher.identifier) \(launcher.startTime)\n"
    #expect(try isLiving("1 0\n" + line) && !isLiving("1 0\n"))
    #expect(try !isLiving("\(launcher.identifier) \(launcher.startTime + 1)\n"))
    kill(rank.processIdentifier, SIGKILL)
    rank.waitUntilExit()
    #expect(try !isLiving(line))
  }

  // D5
  @Test func onlyDeadProcessesOfThisUserAndNamespaceHaveLeftovers() throws {
    let mine = try #require(Leftovers(in: root))
    let parts = try #require(mine.directory.split(separator: "/").last).split(separator: ".").map(
      String.init)
    #expect(
      parts.count == 5 && parts[0] == "lockstep" && parts[1] == "\(geteuid())"
        && parts[3] == "\(getpid())")
    let dead = try ended()
    let space = parts[2]
    let own = try #require(ProcessEntry(getpid()))

    try make(
      "lockstep.\(geteuid()).\(space).\(dead.identifier).\(dead.start)",
      file: "vader_segment.host.0.1.0", "4 MB")
    // The number is in use again, by a process that started later: the one that made this is dead.
    try make("lockstep.\(geteuid()).\(space).\(getpid()).\(own.startTime - 1)")
    try make("lockstep.\(geteuid() + 1).\(space).\(dead.identifier).\(dead.start)")
    try make("lockstep.\(geteuid()).1\(space).\(dead.identifier).\(dead.start)")
    try make("lockstep.\(geteuid()).\(space).\(dead.identifier)")
    try make("lockstep-notes")
    try FileManager.default.createSymbolicLink(
      atPath: "\(root)/lockstep.\(geteuid()).\(space).\(dead.identifier).7",
      withDestinationPath: "\(root)/lockstep-notes")
    #expect(Leftovers.removeDead(in: root) == 2)
    #expect(!exists("lockstep.\(geteuid()).\(space).\(dead.identifier).\(dead.start)"))
    #expect(exists("lockstep.\(geteuid() + 1).\(space).\(dead.identifier).\(dead.start)"))
    #expect(exists("lockstep.\(geteuid()).1\(space).\(dead.identifier).\(dead.start)"))
    #expect(exists("lockstep.\(geteuid()).\(space).\(dead.identifier)") && exists("lockstep-notes"))
    #expect(FileManager.default.fileExists(atPath: mine.directory), "its process lives")
    mine.remove()
    #expect(!FileManager.default.fileExists(atPath: mine.directory))
  }

  // D5
  @Test func aSessionDirectoryGoesWithItsLauncher() throws {
    let own = try #require(ProcessEntry(getpid()))
    let mine = try #require(Leftovers(in: root))
    let space = mine.directory.split(separator: ".")[mine.directory.split(separator: ".").count - 3]
    mine.remove()
    let dead = try ended()
    let host = "ompi.host.\(geteuid())"
    try make("\(host)/pid.\(dead.identifier)/0/0", file: "dstore", "8 MB")
    try make("\(host)/pid.\(getpid())")
    try make("elsewhere/pid.\(dead.identifier)")
    let note = [
      "\(dead.identifier) \(dead.start) \(root)/\(host)/pid.\(dead.identifier)",
      "\(dead.identifier) \(dead.start) \(root)/elsewhere/pid.\(dead.identifier)",
      "\(dead.identifier) \(dead.start) \(root)/\(host)/pid.\(getpid())", "nonsense",
      // A living process that no session is named after protects none of them.
      "\(getpid()) \(own.startTime) \(root)/\(host)/pid.\(dead.identifier)",
    ]
    try make(
      "lockstep.\(geteuid()).\(space).\(dead.identifier).\(dead.start)", file: "sessions",
      note.joined(separator: "\n"))
    // This one's launcher lives: both stay.
    try make(
      "lockstep.\(geteuid()).\(space).\(dead.identifier).1", file: "sessions",
      "\(getpid()) \(own.startTime) \(root)/\(host)/pid.\(getpid())\n")
    #expect(Leftovers.removeDead(in: root) == 1)
    #expect(
      !exists("\(host)/pid.\(dead.identifier)") && exists("\(host)/pid.\(getpid())")
        && exists("elsewhere/pid.\(dead.identifier)"))
    #expect(exists("lockstep.\(geteuid()).\(space).\(dead.identifier).1"))
  }
}
