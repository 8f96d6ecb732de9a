import Files
import Foundation
import RankTesting
import Testing

/// The lock of a run directory. // C3
@Suite struct RunLockTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path }
  private var lock: URL { folder.url("lock") }

  /// A process of another machine, which this one cannot see.
  private var elsewhere: ProcessIdentity {
    var other = ProcessIdentity.current()
    (other.host, other.boot) = ("node7", "another boot")
    return other
  }

  private func failure(_ body: () throws -> Void) -> LockFailure? {
    do {
      try body()
      return nil
    } catch { return error as? LockFailure }
  }

  @Test func aLockNamesItsHolderAndIsGoneAfterwards() throws {
    var held: RunLock? = try RunLock.acquire(path, run: "a1")
    let record = try JSONSerialization.jsonObject(with: Data(contentsOf: lock)) as? NSDictionary
    #expect(
      record?["run"] as? String == "a1" && record?["process"] as? Int == Int(getpid())
        && record?["counter"] as? Int == 0)
    #expect(
      record?["host"] as? String == ProcessInfo.processInfo.hostName || record?["host"] is String)
    for key in ["boot", "pid_namespace", "since"] {
      #expect((record?[key] as? String)?.isEmpty == false, "\(key)")
    }
    #expect((record?["start_time"] as? Int ?? 0) > 0)
    #expect(folder.names == ["lock"])
    let refused = failure { _ = try RunLock.acquire(path) }
    guard case .held(let text)? = refused else {
      Issue.record("\(String(describing: refused))")
      return
    }
    #expect(
      text.contains(path) && text.contains("process \(getpid()) on ") && text.contains(", since 20")
    )
    try held?.verify()
    held = nil
    #expect(folder.names == [])
  }

  @Test func aDeadHoldersLockIsTakenAtOnce() throws {
    // A process that is gone, and one whose number another process has now.
    let gone = try RunningProgram("/bin/true", [])
    let number = gone.identifier
    _ = try gone.finish()
    var dead = ProcessIdentity.current()
    dead.process = number
    var reused = ProcessIdentity.current()
    reused.startTime -= 1
    for identity in [dead, reused] {
      try Data(LockRecord(run: "old", holder: identity).content().bytes).write(to: lock)
      let held = try RunLock.acquire(path, patience: 3600)
      try held.verify()
      #expect(folder.names == ["lock"])
    }
  }

  @Test func aHolderElsewhereIsGoneOnlyWhenItsCounterStops() throws {
    var far = LockRecord(run: "far", holder: elsewhere)
    try Data(far.content().bytes).write(to: lock)
    // The holder lives: its counter rises during the check.
    var lines: [String] = []
    far.counter = 1
    let next = Data(far.content().bytes)
    let living = failure {
      _ = try RunLock.acquire(path, patience: 3600) {
        lines.append($0)
        try? next.write(to: lock)
      }
    }
    guard case .held(let text)? = living else {
      Issue.record("\(String(describing: living))")
      return
    }
    #expect(text.contains("on node7") && lines.count == 1 && lines[0].contains("3600 s"))
    // The holder is dead.
    let held = try RunLock.acquire(path, patience: 0.5)
    try held.verify()
    #expect(folder.names == ["lock"])
  }

  @Test func anInvalidLockIsTakenOver() throws {
    try Data("{\"run\":".utf8).write(to: lock)
    let held = try RunLock.acquire(path, patience: 0.3)
    try held.verify()
  }

  @Test func aHolderThatLostItsLockFindsOut() throws {
    let held = try RunLock.acquire(path, run: "first")
    // Another machine takes the lock: for it, the holder was stopped for the whole patience.
    let taker = try RunLock.acquire(path, run: "second", as: elsewhere, patience: 0.3)
    guard case .lost(let text)? = failure({ try held.verify() }) else {
      Issue.record("the old holder continues")
      return
    }
    #expect(text.contains("process \(getpid()) on node7"))
    // Its end leaves the new holder's lock alone.
    held.release()
    try taker.verify()
    #expect(throws: Never.self) { try RunLock.join(path, run: "second").verify() }
    taker.release()
    guard case .failed(let gone)? = failure({ try taker.verify() }) else {
      Issue.record("a lock that is gone verifies")
      return
    }
    #expect(gone.contains("is gone"))
  }

  /// Many threads take an abandoned lock at once: only one holds it at a time.
  @Test func oneOfManyWins() throws {
    for _ in 0..<20 {
      var dead = ProcessIdentity.current()
      dead.startTime -= 1
      try Data(LockRecord(run: "old", holder: dead).content().bytes).write(to: lock)
      let winners = Winners()
      DispatchQueue.concurrentPerform(iterations: 8) { _ in
        if let held = try? RunLock.acquire(path) { winners.add(held) }
      }
      let sound = winners.all.filter { (try? $0.verify()) != nil }
      #expect(sound.count == 1, "\(winners.all.count) took it, \(sound.count) have it")
      #expect(folder.names == ["lock"])
      for winner in winners.all { winner.release() }
      #expect(folder.names == [])
    }
  }

  private final class Winners: @unchecked Sendable {
    private let guardian = NSLock()
    private(set) var all: [RunLock] = []
    func add(_ lock: RunLock) { guardian.withLock { all.append(lock) } }
  }

  /// The counter is raised in place, so a lock that another took meanwhile is not touched.
  @Test func theHolderRaisesItsCounter() throws {
    let held = try RunLock.acquire(path)
    func counter() throws -> Int {
      try #require(LockRecord(bytes: Array(Data(contentsOf: lock)))).counter
    }
    #expect(try counter() == 0)
    let end = Date().addingTimeInterval(60)
    while try counter() == 0 && Date() < end { usleep(50_000) }
    #expect(try counter() > 0)
    try held.verify()
  }
}
