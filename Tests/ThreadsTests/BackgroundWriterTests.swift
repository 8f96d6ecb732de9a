import Glibc
import Synchronization
import Testing
import Threads

/// Records that another thread writes.
@Suite struct BackgroundWriterTests {
  private final class Written: Sendable {
    private let records = Mutex<[Int]>([])
    func add(_ more: [Int]) { records.withLock { $0 += more } }
    var all: [Int] { records.withLock { $0 } }
  }

  /// All records are written once and in order before `drain` returns, at any limit; the queue
  /// accepts more after that.
  @Test(arguments: [1, 2, 7, 1024]) func recordsAreWrittenInOrderAndNoneIsLost(_ limit: Int) throws
  {
    let written = Written()
    let queue = BackgroundWriter<Int>(limit: limit) { written.add($0) }
    for record in 0..<3000 {
      try queue.append(record)
      if record % 1000 == 500 {
        try queue.drain()
        #expect(written.all == Array(0...record))
      }
    }
    try queue.drain()
    try queue.drain()
    #expect(written.all == Array(0..<3000))
  }

  @Test func waitingRecordsAreWrittenWhenTheQueueIsDropped() throws {
    let written = Written()
    var queue = Optional(BackgroundWriter<Int> { written.add($0) })
    try queue?.append(1)
    try queue?.append(2)
    queue = nil
    #expect(written.all == [1, 2])
  }

  /// No more than `limit` wait while one batch, of at most as many, is being written.
  @Test func memoryIsBounded() throws {
    let sizes = Written()
    let queue = BackgroundWriter<Int>(limit: 8) {
      sizes.add([$0.count])
      sched_yield()
    }
    for record in 0..<500 { try queue.append(record) }
    try queue.drain()
    #expect(sizes.all.reduce(0, +) == 500 && sizes.all.max()! <= 8)
  }

  private struct Full: Error, Equatable {}

  /// A disk that fills up: the error is thrown, and again by later calls, and nothing is written
  /// after it.
  @Test func anErrorIsThrownAndRemains() throws {
    let written = Written()
    let queue = BackgroundWriter<Int>(limit: 4) {
      if $0.contains(5) { throw Full() }
      written.add($0)
    }
    for record in 0..<5 { try queue.append(record) }
    try queue.drain()
    try queue.append(5)
    #expect(throws: Full()) { try queue.drain() }
    #expect(throws: Full()) { try queue.append(6) }
    #expect(throws: Full()) { try queue.drain() }
    #expect(written.all == [0, 1, 2, 3, 4])
  }

  /// A caller that waits for room gets the error too.
  @Test func anErrorEndsTheWaitForRoom() {
    let queue = BackgroundWriter<Int>(limit: 1) { _ in throw Full() }
    #expect(throws: Full()) { for record in 0..<1000 { try queue.append(record) } }
  }

  /// A signal goes to the thread that looks for it, not to the one that writes.
  @Test func theThreadBlocksAllSignals() throws {
    let masks = Written()
    let queue = BackgroundWriter<Int> { _ in
      var mask = sigset_t()
      pthread_sigmask(SIG_SETMASK, nil, &mask)
      masks.add(
        [SIGTERM, SIGUSR1, SIGUSR2, SIGINT].filter { sigismember(&mask, $0) == 1 }.map(Int.init))
    }
    try queue.append(1)
    try queue.drain()
    #expect(masks.all == [SIGTERM, SIGUSR1, SIGUSR2, SIGINT].map(Int.init))
  }
}
