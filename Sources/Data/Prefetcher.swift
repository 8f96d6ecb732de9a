import Files
import Glibc
import Threads
import Vectors

/// Reads the micro-batch that is wanted next while the present one is worked on, on a thread of its
/// own.
///
/// What is wanted next is only a guess: ``take(_:epoch:into:)`` hands over what was read if it is
/// what is asked for, else it reads at once. So a guess can cost time, never a result. An error of
/// the thread belongs to its samples: it is thrown where they are asked for, and nowhere if they
/// never are. The thread blocks all signals and ends with this object.
public final class Prefetcher {
  private let shared: Shared
  private let thread: BackgroundThread
  /// What the thread reads or has read, until it is taken.
  private var pending: (samples: [UInt32], epoch: Int)?

  public init(_ data: any Dataset, capacity: Int) {
    let shared = Shared(data, capacity: capacity)
    self.shared = shared
    thread = BackgroundThread { shared.serve() }
  }

  deinit {
    if pending != nil { shared.done.wait() }
    shared.isOver = true
    shared.asked.signal()
    thread.join()
  }

  /// Begins to read these samples, at least one.
  public func start(_ samples: ArraySlice<UInt32>, epoch: Int) {
    if let pending {
      if pending.epoch == epoch, samples.elementsEqual(pending.samples) { return }
      shared.done.wait()
    }
    pending = (Array(samples), epoch)
    (shared.samples, shared.epoch) = (pending!.samples, epoch)
    shared.asked.signal()
  }

  /// Leaves these samples in `batch`, which has the capacity this object was made with; what it
  /// held may serve the next reading.
  public func take(_ samples: ArraySlice<UInt32>, epoch: Int, into batch: inout Batch)
    throws(FileError)
  {
    let isInBatch =
      batch.count == samples.count && batch.epoch == epoch
      && samples.elementsEqual(batch.samples[..<batch.count])
    if isInBatch && !samples.isEmpty { return }
    guard let pending else { return try shared.data.fill(&batch, with: samples, epoch: epoch) }
    shared.done.wait()
    self.pending = nil
    guard pending.epoch == epoch, samples.elementsEqual(pending.samples) else {
      return try shared.data.fill(&batch, with: samples, epoch: epoch)
    }
    if let error = shared.error { throw error }
    swap(&batch, &shared.batch)
  }

  /// What the two threads hand to each other; only one of them uses it at a time.
  private final class Shared: @unchecked Sendable {
    let data: any Dataset
    let asked = Semaphore()
    let done = Semaphore()
    var batch: Batch
    var samples: [UInt32] = []
    var epoch = 0
    var error: FileError?
    var isOver = false

    init(_ data: any Dataset, capacity: Int) {
      self.data = data
      batch = Batch(capacity: capacity, shape: data.shape)
    }

    func serve() {
      while true {
        asked.wait()
        if isOver { return }
        do throws(FileError) {
          try data.fill(&batch, with: samples[...], epoch: epoch)
          error = nil
        } catch { self.error = error }
        done.signal()
      }
    }
  }
}

/// POSIX's: one futex call at most to hand over.
private final class Semaphore: @unchecked Sendable {
  private let handle: UnsafeMutablePointer<sem_t>

  init() {
    handle = .allocate(capacity: 1)
    sem_init(handle, 0, 0)
  }

  deinit {
    sem_destroy(handle)
    handle.deallocate()
  }

  func signal() { sem_post(handle) }

  func wait() { while sem_wait(handle) != 0 && errno == EINTR {} }
}
