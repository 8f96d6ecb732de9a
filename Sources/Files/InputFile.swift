import FlightRecorder
import Glibc

/// An open regular file, read at explicit positions; closed when the last reference goes.
package final class InputFile: Sendable {
  package let path: String
  package let byteCount: Int
  private let descriptor: Int32

  /// - Throws: when the path cannot be opened or is not a regular file.
  package init(_ path: String) throws(FileError) {
    // Without O_NONBLOCK, opening a named pipe without a writer would wait for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let code = errno
      throw FileError(
        path, "cannot be opened: \(systemMessage(code))",
        remedy: "check the path and its permissions", systemError: code)
    }
    var status = stat()
    let isRegular = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    guard isRegular else {
      let isDirectory = status.st_mode & S_IFMT == S_IFDIR
      close(descriptor)
      throw FileError(
        path, isDirectory ? "is a directory" : "is not a regular file",
        remedy: "give the path of a file")
    }
    self.path = path
    self.descriptor = descriptor
    byteCount = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// Fills `buffer` from `offset` on and returns the bytes read: fewer than asked for only at the
  /// end of the file.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError)
    -> Int
  {
    var done = 0
    while done < buffer.count {
      // In pieces, so that the flight recorder sees a large file come in.
      let got = pread(
        descriptor, buffer.baseAddress! + done, min(buffer.count - done, 4 << 20),
        off_t(offset + done))
      FlightRecorder.advance()
      if got == 0 { break }
      if got < 0 {
        if errno == EINTR { continue }
        let code = errno
        throw FileError(
          path, at: offset + done, "cannot be read: \(systemMessage(code))",
          remedy: "check the disk", systemError: code)
      }
      done += got
    }
    return done
  }

  /// Fills `buffer` from `offset` on.
  /// - Throws: also when the file ends before the buffer is full.
  package func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) {
    let count = try read(into: buffer, at: offset)
    guard count == buffer.count else {
      throw FileError(
        path, at: offset + count, "the file ends here", remedy: "use another copy of the file")
    }
  }

  /// The whole content of a file of at most `limit` bytes.
  package func all(limit: Int) throws(FileError) -> [UInt8] {
    guard byteCount <= limit else {
      throw FileError(
        path, "has \(byteCount) bytes, more than \(limit)", remedy: "use another copy of the file")
    }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    try fill(&bytes, at: 0)
    return bytes
  }

  /// Fills the first `count` elements of an array, all of them by default.
  package func fill<Element: BitwiseCopyable>(
    _ elements: inout [Element], count: Int? = nil, at offset: Int
  ) throws(FileError) {
    var span = elements.mutableSpan
    let byteCount = (count ?? span.count) * MemoryLayout<Element>.stride
    var bytes = span.mutableBytes
    try bytes.withUnsafeMutableBytes { buffer throws(FileError) in
      try fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount]), at: offset)
    }
  }
}

/// The text of the last system call's error.
package func systemMessage(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
