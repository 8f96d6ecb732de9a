import CFlightRecorder
import Glibc

/// The record of a process as another sees it, at the time of each look.
///
/// The other writes meanwhile without a lock, so a value may be torn: only what two looks find the
/// same counts.
public final class FlightImage {
  private let record: UnsafeMutablePointer<cfr_record>

  /// One collective of the rank.
  public struct Entry: Sendable, Equatable, Codable {
    public var number: Int
    public var group: UInt64
    public var sequence: Int
    public var kind: CollectiveKind
    public var bytes: Int
    public var step: Int
    /// Nanoseconds of CLOCK_MONOTONIC on the rank's machine; `left` is nil until it is over.
    public var entered: UInt64
    public var left: UInt64?

    public init(
      number: Int, group: UInt64, sequence: Int, kind: CollectiveKind, bytes: Int, step: Int,
      entered: UInt64, left: UInt64?
    ) {
      (self.number, self.group, self.sequence, self.kind) = (number, group, sequence, kind)
      (self.bytes, self.step, self.entered, self.left) = (bytes, step, entered, left)
    }
  }

  /// A communicator of the rank, and how many collectives it entered there.
  public struct Group: Sendable, Equatable, Codable {
    public var identifier: UInt64
    public var size: Int
    public var entered: Int

    public init(identifier: UInt64, size: Int, entered: Int) {
      (self.identifier, self.size, self.entered) = (identifier, size, entered)
    }
  }

  /// Maps the record in an open file; nil where the file holds none.
  public init?(file: Int32) {
    let bytes = MemoryLayout<cfr_record>.stride
    var status = stat()
    guard fstat(file, &status) == 0, status.st_size == bytes,
      let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      memory != MAP_FAILED
    else { return nil }
    record = memory.assumingMemoryBound(to: cfr_record.self)
    guard record.pointee.magic == cfr_magic(), record.pointee.byte_count == UInt64(bytes) else {
      munmap(memory, bytes)
      return nil
    }
  }

  deinit { munmap(record, MemoryLayout<cfr_record>.stride) }

  public var rank: Int { Int(record.pointee.rank) }
  /// The job's ranks; 0 where they are not known yet.
  public var size: Int { Int(record.pointee.size) }
  public var process: Int32 { record.pointee.process }
  public var host: String {
    withUnsafeBytes(of: record.pointee.host) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
  public var phase: FlightPhase { FlightPhase(rawValue: record.pointee.phase) ?? .compute }
  public var step: Int { Int(truncatingIfNeeded: record.pointee.step) }
  /// Changes with everything that the rank does.
  public var activity: [UInt64] {
    [
      record.pointee.progress, record.pointee.entries, record.pointee.waiting,
      UInt64(record.pointee.phase),
    ]
  }

  /// The run's directory, where it was published.
  public var directory: String? {
    let length = Int(record.pointee.directory_length)
    guard length > 0, length <= Int(CFR_PATH) else { return nil }
    return withUnsafeBytes(of: &record.pointee.directory) {
      String(decoding: $0[..<length], as: UTF8.self)
    }
  }

  public var invitation: String? { FlightRecorder.text(record.pointee.invitation) }

  /// Publishes where the rank's watcher listens, to the rank.
  public func publish(listening: String) {
    FlightRecorder.set(&record.pointee.listening, to: listening)
  }

  public var groups: [Group] {
    withUnsafeBytes(of: &record.pointee.groups) { bytes in
      bytes.bindMemory(to: cfr_group.self).compactMap {
        $0.identifier == 0
          ? nil
          : Group(
            identifier: $0.identifier, size: Int($0.size),
            entered: Int(truncatingIfNeeded: $0.entered))
      }
    }
  }

  /// The collectives that the record still holds, oldest first.
  public var entries: [Entry] {
    withUnsafeBytes(of: &record.pointee.ring) { bytes in
      bytes.bindMemory(to: cfr_entry.self).compactMap(Self.entry).sorted { $0.number < $1.number }
    }
  }

  /// The collective that the rank waits in, and since when; nil where it does not.
  public var waiting: (entry: Entry, since: UInt64)? {
    let (number, since) = (record.pointee.waiting, record.pointee.waiting_since)
    guard number > 0 else { return nil }
    let entry = withUnsafeBytes(of: &record.pointee.ring) {
      Self.entry($0.bindMemory(to: cfr_entry.self)[Int(number % UInt64(CFR_ENTRIES))])
    }
    guard let entry, entry.number == Int(truncatingIfNeeded: number),
      record.pointee.waiting == number
    else { return nil }
    return (entry, since)
  }

  private static func entry(_ entry: cfr_entry) -> Entry? {
    guard entry.number > 0, let kind = CollectiveKind(rawValue: entry.kind) else { return nil }
    return Entry(
      number: Int(truncatingIfNeeded: entry.number), group: entry.group,
      sequence: Int(truncatingIfNeeded: entry.sequence), kind: kind,
      bytes: Int(truncatingIfNeeded: entry.bytes), step: Int(truncatingIfNeeded: entry.step),
      entered: entry.entered,
      left: entry.left == 0 ? nil : entry.left)
  }
}
