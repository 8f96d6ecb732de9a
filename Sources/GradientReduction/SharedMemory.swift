import CProcess
import Glibc
import MPI

/// Zeroed memory that all ranks of a node read and write.
///
/// It is a file in memory that has no name (memfd_create): the first rank makes it, the others open
/// it through that process (`/proc/PID/fd/N`). So the size of /dev/shm, 64 MB in many containers,
/// does not limit it, nothing is ever left there, and it is given back when the last rank drops it,
/// without a collective end as an MPI window needs. Its pages are claimed when it is made: memory
/// that is lacking is found then, not in a step.
public final class SharedMemory: @unchecked Sendable {
  /// The first byte, at a page's border. What ranks write at the same time is kept apart by the
  /// callers.
  public let start: UnsafeMutableRawPointer
  private let byteCount: Int

  private init(_ start: UnsafeMutableRawPointer, byteCount: Int) {
    self.start = start
    self.byteCount = byteCount
  }

  deinit { munmap(start, byteCount) }

  /// A page is the least that memory is claimed by, and starts at more than a cache line.
  static let page = sysconf(Int32(_SC_PAGESIZE))

  /// Bytes rounded up to whole pages.
  static func wholePages(_ bytes: Int) -> Int { (bytes + page - 1) / page * page }

  /// Makes memory of `byteCount` bytes, of which this rank claims `mine`: the bytes that it will
  /// write most. Collective over `node`.
  ///
  /// It is nil on all ranks of the node where it failed on one; `failure` says why there.
  public static func make(
    byteCount: Int, claiming mine: Range<Int>, on node: borrowing Communicator
  ) throws(MPIError)
    -> (memory: SharedMemory?, failure: String?)
  {
    let byteCount = wholePages(max(byteCount, 1))
    var failure: String?
    var file: Int32 = -1
    if node.rank == 0 {
      file = cprocess_memory_file("lockstep")
      if file < 0 || ftruncate(file, byteCount) != 0 {
        failure = "\(byteCount) bytes of memory: \(systemError())"
      }
    }
    let announced = try node.broadcast(
      failure == nil && node.rank == 0 ? [Int64(getpid()), Int64(file), identity(of: file)] : [])
    if node.rank > 0 && announced.count == 3 {
      let path = "/proc/\(announced[0])/fd/\(announced[1])"
      // In another process namespace this may be any file: what it is, is asked before it is
      // opened.
      if linkTarget(path)?.hasPrefix("/memfd:lockstep") == true {
        file = open(path, O_RDWR | O_CLOEXEC)
      }
      if file < 0 || identity(of: file) != announced[2] {
        failure = "\(path), the memory of the node's first rank, cannot be opened"
      }
    }
    defer { if file >= 0 { close(file) } }
    if failure == nil && announced.count == 3 && !mine.isEmpty {
      let error = posix_fallocate(file, mine.lowerBound, mine.count)
      if error != 0 {
        failure = "\(mine.count) bytes of memory: \(String(cString: strerror(error)))"
      }
    }
    var start: UnsafeMutableRawPointer?
    if failure == nil && announced.count == 3 {
      start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
      if start == MAP_FAILED {
        (start, failure) = (nil, "\(byteCount) bytes of address space: \(systemError())")
      }
    }
    let memory = start.map { SharedMemory($0, byteCount: byteCount) }
    let succeeded = try node.allReduce(Int32(memory == nil ? 0 : 1), .minimum) == 1
    return (succeeded ? memory : nil, failure)
  }

  /// Identifies a file among all of this machine.
  private static func identity(of file: Int32) -> Int64 {
    var status = stat()
    return fstat(file, &status) == 0 ? Int64(truncatingIfNeeded: status.st_ino) : -1
  }

  private static func linkTarget(_ path: String) -> String? {
    var target = [UInt8](repeating: 0, count: 256)
    let length = target.withUnsafeMutableBytes {
      readlink(path, $0.bindMemory(to: CChar.self).baseAddress!, $0.count)
    }
    return length < 0 ? nil : String(decoding: target[..<length], as: UTF8.self)
  }

  private static func systemError() -> String { String(cString: strerror(errno)) }
}
