import CZlib
import Files

/// A zip archive's directory (PKWARE's APPNOTE 6.3.10, with ZIP64): its members' names, sizes and
/// places. Nothing is unpacked for it.
struct ZipArchive: Sendable {
  struct Member: Sendable {
    var name: String
    /// Whether it is deflated; else it lies there as it is.
    var isDeflated: Bool
    /// Where its data begin in the file.
    var start: Int
    /// Bytes in the archive, and unpacked.
    var packed: Int
    var size: Int
    var checksum: UInt32
  }

  let file: InputFile
  private(set) var members: [Member] = []

  /// The longest directory that is read.
  private static let longestDirectory = 16 << 20

  /// - Throws: where it is none, or damaged, or has members packed in a way NumPy does not use.
  init(path: String) throws(FileError) {
    file = try InputFile(path)
    let (start, size, count) = try directory()
    guard size <= Self.longestDirectory, start >= 0, start + size <= file.byteCount else {
      throw damaged(
        at: max(0, min(start, file.byteCount)), "has no directory of \(size) bytes here")
    }
    let bytes = try read(size, at: start)
    var place = 0
    for _ in 0..<count {
      let record = Bytes(bytes, from: place)
      guard record.count >= 46, record.u32(0) == 0x0201_4B50 else {
        throw damaged(at: start + place, "has no entry of its directory here")
      }
      let (nameLength, extraLength) = (record.u16(28), record.u16(30))
      let length = 46 + nameLength + extraLength + record.u16(32)
      guard record.count >= length else {
        throw damaged(at: start + place, "ends inside an entry of its directory")
      }
      var member = Member(
        name: String(decoding: record.bytes(46, nameLength), as: UTF8.self),
        isDeflated: record.u16(10) == 8, start: Int(record.u32(42)), packed: Int(record.u32(20)),
        size: Int(record.u32(24)), checksum: record.u32(16))
      try widen(&member, Bytes(Array(record.bytes(46 + nameLength, extraLength)), from: 0))
      guard record.u16(8) & 1 == 0, [0, 8].contains(record.u16(10)) else {
        throw FileError(
          path, at: start + place,
          "\(member.name) is \(record.u16(8) & 1 == 0 ? "compressed in another way than by deflate" : "encrypted")",
          remedy: "write the archive with numpy.savez or numpy.savez_compressed")
      }
      member.start = try dataStart(of: member)
      members.append(member)
      place += length
    }
  }

  /// Unpacks a deflated member into `memory`, which is as long as it, and checks its CRC-32.
  func unpack(_ member: Member, into memory: UnsafeMutableRawBufferPointer) throws(FileError) {
    let source = InflatedBytes(deflated: member.start..<member.start + member.packed, of: file)
    let count = try source.read(into: memory)
    let beyond = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
    defer { beyond.deallocate() }
    let more = try source.read(into: beyond)
    guard count == memory.count, more == 0 else {
      throw damaged(
        at: member.start,
        "\(member.name) has \(more == 0 ? "\(count)" : "more") bytes, its entry says \(member.size)"
      )
    }
    var checksum = crc32_z(0, nil, 0)
    checksum = crc32_z(
      checksum, memory.baseAddress!.assumingMemoryBound(to: UInt8.self), memory.count)
    guard UInt32(truncatingIfNeeded: checksum) == member.checksum else {
      throw damaged(at: member.start, "\(member.name) is corrupted: its CRC-32 is another")
    }
  }

  func damaged(at offset: Int, _ what: String) -> FileError {
    FileError(file.path, at: offset, what, remedy: "write or fetch the file again")
  }

  private func read(_ count: Int, at offset: Int) throws(FileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try file.fill(&bytes, at: offset)
    return bytes
  }

  /// Where the directory is: the record that says so is the last, followed by a comment at most.
  private func directory() throws(FileError) -> (start: Int, size: Int, count: Int) {
    let tail = min(file.byteCount, 22 + 65535)
    let bytes = try read(tail, at: file.byteCount - tail)
    let places = stride(from: tail - 22, through: 0, by: -1)
    let found = places.first {
      let record = Bytes(bytes, from: $0)
      return record.u32(0) == 0x0605_4B50 && record.u16(20) == tail - $0 - 22
    }
    guard let found else {
      throw FileError(
        file.path, at: 0, "is no zip archive, or is cut off: it has no directory at its end",
        remedy: "write it with numpy.savez")
    }
    let record = Bytes(bytes, from: found)
    let end = file.byteCount - tail + found
    guard record.u16(10) == 0xFFFF || record.u32(16) == .max || record.u32(12) == .max else {
      return (Int(record.u32(16)), Int(record.u32(12)), record.u16(10))
    }
    // ZIP64's record is found by its locator, which lies before.
    let locator = Bytes(try read(20, at: max(0, end - 20)), from: 0)
    guard end >= 20, locator.u32(0) == 0x0706_4B50, let place = locator.int(8),
      place <= file.byteCount - 56
    else { throw damaged(at: end, "has no ZIP64 directory") }
    let wide = Bytes(try read(56, at: place), from: 0)
    guard wide.u32(0) == 0x0606_4B50, let count = wide.int(32), let size = wide.int(40),
      let start = wide.int(48), size <= Self.longestDirectory, start <= file.byteCount
    else { throw damaged(at: place, "has no ZIP64 directory") }
    return (start, size, count)
  }

  /// Takes sizes and places beyond 4 GB from an entry's ZIP64 field.
  private func widen(_ member: inout Member, _ extra: Bytes) throws(FileError) {
    let all = Int(UInt32.max)
    guard member.size == all || member.packed == all || member.start == all else { return }
    var place = 0
    while place + 4 <= extra.count, extra.u16(place) != 1 { place += 4 + extra.u16(place + 2) }
    var next = place + 4
    func take(_ value: Int) -> Int? {
      guard value == all else { return value }
      defer { next += 8 }
      return extra.int(next)
    }
    guard place + 4 <= extra.count, let size = take(member.size), let packed = take(member.packed),
      let start = take(member.start)
    else { throw damaged(at: 0, "has no ZIP64 sizes of \(member.name)") }
    (member.size, member.packed, member.start) = (size, packed, start)
  }

  /// Where a member's data begin: after its own header, the only place that gives the length of it.
  private func dataStart(of member: Member) throws(FileError) -> Int {
    guard member.start <= file.byteCount - 30 else {
      throw damaged(
        at: file.byteCount, "ends before \(member.name), which is to be at \(member.start)")
    }
    let header = Bytes(try read(30, at: member.start), from: 0)
    guard header.u32(0) == 0x0403_4B50 else {
      throw damaged(at: member.start, "\(member.name) does not begin here, as the directory says")
    }
    let start = member.start + 30 + header.u16(26) + header.u16(28)
    guard member.packed <= file.byteCount - start else {
      throw damaged(
        at: file.byteCount, "ends inside \(member.name), of \(member.packed) bytes")
    }
    // Deflate makes a thousandth of a file at best: more is claimed than there can be.
    guard member.isDeflated ? member.size / 1032 <= member.packed : member.size == member.packed
    else {
      throw damaged(
        at: member.start,
        "\(member.name) is to have \(member.size) bytes, which \(member.packed) cannot hold")
    }
    return start
  }
}

/// Little-endian numbers of a record; 0 beyond its end.
private struct Bytes {
  let all: [UInt8]
  let start: Int
  var count: Int { all.count - start }

  init(_ all: [UInt8], from start: Int) { (self.all, self.start) = (all, start) }

  private func number(_ place: Int, _ length: Int) -> UInt64 {
    (0..<length).reduce(0) { value, byte in
      let index = start + place + byte
      return value | (index < all.count ? UInt64(all[index]) : 0) << (8 * UInt64(byte))
    }
  }

  func u16(_ place: Int) -> Int { Int(number(place, 2)) }
  func u32(_ place: Int) -> UInt32 { UInt32(number(place, 4)) }
  /// A number of eight bytes; nil where it is no place in a file.
  func int(_ place: Int) -> Int? {
    Int(exactly: number(place, 8)).flatMap { $0 < 1 << 62 ? $0 : nil }
  }
  func bytes(_ place: Int, _ length: Int) -> ArraySlice<UInt8> {
    all[min(start + place, all.count)..<min(start + place + length, all.count)]
  }
}
