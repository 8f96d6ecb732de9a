import CFlightRecorder
import CProcess
import Glibc
import Processes

extension FlightRecorder {
  /// The name that the record's memory has in `/proc/PID/fd`.
  public static let memoryName = "lockstep-flight"

  /// Keeps a record from now on: before MPI starts. Returns the descriptor of its memory, which
  /// stays open, or nil where there is no memory for it.
  ///
  /// The memory is a file without a name (memfd_create), so nothing is left of it however the
  /// process ends; others open it by `/proc/PID/fd`.
  public static func begin(_ place: LaunchPlace) -> Int32? {
    precondition(!isOn, "a process keeps one record")
    let bytes = MemoryLayout<cfr_record>.stride
    let file = cprocess_memory_file(memoryName)
    guard file >= 0 else { return nil }
    guard ftruncate(file, bytes) == 0,
      let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      memory != MAP_FAILED
    else {
      close(file)
      return nil
    }
    // A disk quota of memory, say: found now, not at a store.
    guard posix_fallocate(file, 0, bytes) == 0 else {
      munmap(memory, bytes)
      close(file)
      return nil
    }
    let record = memory.assumingMemoryBound(to: cfr_record.self)
    record.pointee.byte_count = UInt64(bytes)
    record.pointee.rank = Int32(place.rank)
    record.pointee.size = Int32(place.size)
    record.pointee.local_size = Int32(place.localSize)
    record.pointee.process = getpid()
    withUnsafeMutableBytes(of: &record.pointee.host) {
      _ = gethostname($0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count - 1)
    }
    cfr_keep(record)
    _ = cfr_add_group(-1, 0, UInt32(place.size))
    record.pointee.magic = cfr_magic()
    return file
  }

  /// Names the directory of the run, for what is written about a stall; a longer path than fits is
  /// left out.
  public static func publish(directory: String) {
    guard let record = cfr_own() else { return }
    record.pointee.directory_length = UInt32(store(directory, in: &record.pointee.directory))
  }

  /// What this process's watcher says of where it listens; nil until it does.
  public static var listening: String? { cfr_own().flatMap { text($0.pointee.listening) } }

  /// Hands this process's watcher what it needs to report to that of rank 0.
  public static func publish(invitation: String) {
    guard let record = cfr_own() else { return }
    set(&record.pointee.invitation, to: invitation)
  }

  static func set(_ text: inout cfr_text, to string: String) {
    let length = store(string, in: &text.bytes)
    text.length = UInt32(length)
  }

  static func text(_ text: cfr_text) -> String? {
    let length = Int(text.length)
    guard length > 0, length <= Int(CFR_TEXT) else { return nil }
    return withUnsafeBytes(of: text.bytes) { String(decoding: $0[..<length], as: UTF8.self) }
  }

  private static func store<Bytes>(_ string: String, in bytes: inout Bytes) -> Int {
    let utf8 = Array(string.utf8)
    return withUnsafeMutableBytes(of: &bytes) {
      guard utf8.count <= $0.count else { return 0 }
      $0.copyBytes(from: utf8)
      return utf8.count
    }
  }
}
