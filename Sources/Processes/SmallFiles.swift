import Glibc

/// Files and directories as the kernel shows them: read whole, in a few system calls, nil where
/// they are not there.
package enum SmallFiles {
  /// What comes behind `limit` bytes may be left out.
  package static func bytes(_ path: String, limit: Int = 65536) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 4096)
    var all: [UInt8] = []
    while all.count <= limit {
      let count = read(file, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      if count < 0 { return nil }
      if count == 0 { break }
      all += buffer[..<count]
    }
    return all
  }

  /// The text without line ends behind it; nil also of more than a megabyte.
  package static func text(_ path: String) -> String? {
    guard let bytes = bytes(path, limit: 1 << 20), bytes.count <= 1 << 20 else { return nil }
    return String(
      decoding: bytes[...(bytes.lastIndex { $0 != UInt8(ascii: "\n") } ?? -1)], as: UTF8.self)
  }

  /// The names in a directory; none where it cannot be listed.
  package static func entries(of path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  /// Where a symbolic link leads; nil where there is none.
  package static func link(_ path: String) -> String? {
    var target = [UInt8](repeating: 0, count: 256)
    let count = target.withUnsafeMutableBytes {
      readlink(path, $0.bindMemory(to: CChar.self).baseAddress!, $0.count)
    }
    return count < 0 ? nil : String(decoding: target[..<count], as: UTF8.self)
  }
}
