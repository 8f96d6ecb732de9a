import Glibc

/// An open regular file, read at explicit positions; closed when the last reference goes.
final class InputFile: Sendable {
  let path: String
  let byteCount: Int
  private let descriptor: Int32

  /// - Throws: when the path cannot be opened or is not a regular file.
  init(_ path: String) throws(DataError) {
    // Without O_NONBLOCK, opening a named pipe that nobody writes to would wait for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw DataError(path, "cannot be opened: \(String(cString: strerror(errno)))", remedy: "check the path and its permissions")
    }
    var status = stat()
    let isRegular = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    guard isRegular else {
      let isDirectory = status.st_mode & S_IFMT == S_IFDIR
      close(descriptor)
      throw DataError(path, isDirectory ? "is a directory" : "is not a regular file", remedy: "give the path of a file")
    }
    self.path = path
    self.descriptor = descriptor
    byteCount = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// Fills `buffer` from `offset` on and returns the bytes read: fewer than asked for only at the end of the file.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DataError) -> Int {
    var done = 0
    while done < buffer.count {
      let got = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if got == 0 { break }
      if got < 0 {
        if errno == EINTR { continue }
        throw DataError(path, at: offset + done, "cannot be read: \(String(cString: strerror(errno)))", remedy: "check the disk")
      }
      done += got
    }
    return done
  }
}
