import Glibc

/// Hands records to a thread that writes them, so that their producer never waits for a file.
///
/// Records keep their order, and none is lost: ``drain()`` returns when all that were appended
/// before are written. They are written together, those of up to 50 ms at a time: the thread is
/// woken once for all of them. Where writing fails, the next call throws that error, as does every
/// one after it, and nothing more is written. At most `limit` records wait; ``append(_:)`` waits
/// for room. Appending is for one thread.
public final class BackgroundWriter<Record: Sendable> {
  private let shared: Shared<Record>
  private let thread: BackgroundThread

  /// `write` is called on the thread, with one record or more.
  public init(limit: Int = 1024, write: @escaping @Sendable ([Record]) throws -> Void) {
    let shared = Shared<Record>(limit: limit)
    self.shared = shared
    thread = BackgroundThread { shared.serve(write) }
  }

  /// What still waits is written; an error of that cannot be reported any more.
  deinit {
    shared.close()
    thread.join()
  }

  public func append(_ record: Record) throws { try shared.append(record) }

  /// Waits until all is written.
  public func drain() throws { try shared.drain() }
}

/// What the two threads have in common, behind one lock.
private final class Shared<Record: Sendable>: @unchecked Sendable {
  private let limit: Int
  /// So many are written without waiting for more.
  private var enough: Int { max(1, limit / 2) }
  private let lock: UnsafeMutablePointer<pthread_mutex_t> = .allocate(capacity: 1)
  /// Signals to the writer that there is something to do, and to the producer that something was
  /// done.
  private let wanted: UnsafeMutablePointer<pthread_cond_t> = .allocate(capacity: 1)
  private let done: UnsafeMutablePointer<pthread_cond_t> = .allocate(capacity: 1)
  private var waiting: [Record] = []
  private var isWriting = false
  /// Somebody waits for all to be written.
  private var isUrgent = false
  private var isOver = false
  private var failure: (any Error)?

  init(limit: Int) {
    self.limit = limit
    pthread_mutex_init(lock, nil)
    pthread_cond_init(wanted, nil)
    pthread_cond_init(done, nil)
  }

  deinit {
    pthread_cond_destroy(wanted)
    pthread_cond_destroy(done)
    pthread_mutex_destroy(lock)
    wanted.deallocate()
    done.deallocate()
    lock.deallocate()
  }

  func append(_ record: Record) throws {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while waiting.count >= limit && failure == nil { pthread_cond_wait(done, lock) }
    if let failure { throw failure }
    waiting.append(record)
    // The first one begins the time in which others are gathered; half the room ends it.
    if waiting.count == 1 || waiting.count == enough { pthread_cond_signal(wanted) }
  }

  func drain() throws {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    isUrgent = true
    pthread_cond_signal(wanted)
    while (isWriting || !waiting.isEmpty) && failure == nil { pthread_cond_wait(done, lock) }
    isUrgent = false
    if let failure { throw failure }
  }

  func close() {
    pthread_mutex_lock(lock)
    isOver = true
    pthread_cond_signal(wanted)
    pthread_mutex_unlock(lock)
  }

  /// The thread's whole life.
  func serve(_ write: ([Record]) throws -> Void) {
    var batch: [Record] = []
    pthread_mutex_lock(lock)
    while true {
      while waiting.isEmpty && !isOver { pthread_cond_wait(wanted, lock) }
      if waiting.isEmpty { break }
      gather()
      swap(&batch, &waiting)
      isWriting = true
      pthread_mutex_unlock(lock)
      var error: (any Error)?
      do { try write(batch) } catch let failure { error = failure }
      batch.removeAll(keepingCapacity: true)
      pthread_mutex_lock(lock)
      isWriting = false
      if let error {
        failure = error
        waiting.removeAll()
      }
      pthread_cond_signal(done)
      if failure != nil { break }
    }
    pthread_mutex_unlock(lock)
  }

  /// Waits for more records: for 50 ms, unless they are many or somebody waits for them.
  private func gather() {
    var end = timespec()
    clock_gettime(CLOCK_REALTIME, &end)
    end.tv_nsec += 50_000_000
    if end.tv_nsec >= 1_000_000_000 {
      (end.tv_sec, end.tv_nsec) = (end.tv_sec + 1, end.tv_nsec - 1_000_000_000)
    }
    while waiting.count < enough && !isUrgent && !isOver {
      if pthread_cond_timedwait(wanted, lock, &end) == ETIMEDOUT { return }
    }
  }
}
