import Glibc
import Threads

/// Raises a lock's counter every five seconds, on a thread, for as long as this value lives.
///
/// It writes to the file that it was given, in place, and not to a path: a lock that was taken from
/// this process lies under another name, or under none, and the new holder's stays as it is. Each
/// time the bytes are flushed, without which a network file system would keep them to this host.
final class LockCounter {
  static let interval = 5.0
  private let shared: Shared
  private let thread: BackgroundThread

  /// Takes the descriptor and closes it at the end.
  init(descriptor: Int32, offset: Int, from counter: Int) {
    let shared = Shared()
    self.shared = shared
    thread = BackgroundThread {
      var counter = counter
      while shared.wait(seconds: Self.interval) {
        counter += 1
        let digits = LockRecord.digits(counter)
        // A counter that cannot be written makes the lock look stale to others: they take it, and
        // this run finds out before it publishes anything.
        _ = digits.withUnsafeBytes { pwrite(descriptor, $0.baseAddress!, $0.count, off_t(offset)) }
        fdatasync(descriptor)
      }
      close(descriptor)
    }
  }

  deinit {
    shared.end()
    thread.join()
  }

  /// What the two threads have in common.
  private final class Shared: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t> = .allocate(capacity: 1)
    private let changed: UnsafeMutablePointer<pthread_cond_t> = .allocate(capacity: 1)
    private var isOver = false

    init() {
      pthread_mutex_init(lock, nil)
      pthread_cond_init(changed, nil)
    }

    deinit {
      pthread_cond_destroy(changed)
      pthread_mutex_destroy(lock)
      changed.deallocate()
      lock.deallocate()
    }

    func end() {
      pthread_mutex_lock(lock)
      isOver = true
      pthread_cond_signal(changed)
      pthread_mutex_unlock(lock)
    }

    /// False as soon as it is over.
    func wait(seconds: Double) -> Bool {
      var end = timespec()
      clock_gettime(CLOCK_REALTIME, &end)
      end.tv_sec += Int(seconds)
      pthread_mutex_lock(lock)
      defer { pthread_mutex_unlock(lock) }
      while !isOver {
        if pthread_cond_timedwait(changed, lock, &end) == ETIMEDOUT { break }
      }
      return !isOver
    }
  }
}
