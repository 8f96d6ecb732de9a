import COneDNN

/// Threads that share the work of a rank's layers: those of the OpenMP library that oneDNN comes
/// with, which keeps them from one piece of work to the next.
///
/// Work is divided into rows, columns or samples that are computed alike on any thread, never along
/// a sum; so who computes what never shows in a result.
public struct ComputeThreads: Sendable {
  /// 1 for none besides the one that calls.
  public let count: Int

  init(_ count: Int) {
    precondition(count > 0, "\(count) is no number of compute threads: give 1 or more")
    self.count = count
    // Each library call computes on the thread that makes it.
    omp_set_num_threads(1)
  }

  /// Calls `body` once for each of 0..<`pieces`, on any thread, and returns when all are done. It gets
  /// the piece and the thread, from 0, which is the one that calls, to below ``count``.
  @inline(__always)
  public func run(_ pieces: Int, _ body: (_ piece: Int, _ thread: Int) -> Void) {
    if count == 1 || pieces == 1 {
      for piece in 0..<pieces { body(piece, 0) }
    } else {
      runInParallel(pieces, body)
    }
  }

  private func runInParallel(_ pieces: Int, _ body: (Int, Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      var job = Job(pieces: pieces, body: body)
      withUnsafeMutablePointer(to: &job) { job in
        GOMP_parallel(
          { raw in
            let job = raw!.assumingMemoryBound(to: Job.self)
            // OpenMP may give fewer threads than were asked for.
            let step = Int(omp_get_num_threads())
            let thread = Int(omp_get_thread_num())
            var piece = thread
            while piece < job.pointee.pieces {
              job.pointee.body(piece, thread)
              piece += step
            }
          }, job, UInt32(min(count, pieces)), 0)
      }
    }
  }

  private struct Job {
    let pieces: Int
    let body: (Int, Int) -> Void
  }

  /// Calls `body` with parts of 0..<`count`, each computed alike wherever it ends; as many parts as
  /// there are threads, or fewer where a part would be less than `atLeast`.
  @inline(__always)
  public func split(_ count: Int, atLeast: Int = 1, _ body: (Range<Int>) -> Void) {
    if self.count == 1 { return body(0..<count) }
    let pieces = max(1, min(self.count, count / max(atLeast, 1)))
    run(pieces) { piece, _ in body(part(piece, of: pieces, count)) }
  }

  /// The least number of rows that are worth a thread, about 20 µs of simple arithmetic.
  static func leastRows(of columns: Int) -> Int { max(1, 16_384 / max(columns, 1)) }
}

/// Piece `index` of `pieces` that 0..<`count` is divided into, as equal as whole units can be.
func part(_ index: Int, of pieces: Int, unit: Int = 1, _ count: Int) -> Range<Int> {
  let units = (count + unit - 1) / unit
  return min(count, units * index / pieces * unit)..<min(count, units * (index + 1) / pieces * unit)
}
