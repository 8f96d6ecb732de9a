import Glibc

/// An open regular file, read at explicit positions; closed when the last reference goes.
final class InputFile: Sendable {
  let path: String
  let byteCount: Int
  private let descriptor: Int32

  /// - Throws: when the path cannot be opened or is not a regular file.
  init(_ path: String) throws(TensorFileError) {
    // Without O_NONBLOCK, opening a named pipe that nobody writes to would wait for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw TensorFileError(path, "cannot be opened: \(systemMessage())", remedy: "check the path and its permissions")
    }
    var status = stat()
    let isRegular = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    guard isRegular else {
      let isDirectory = status.st_mode & S_IFMT == S_IFDIR
      close(descriptor)
      throw TensorFileError(path, isDirectory ? "is a directory" : "is not a regular file", remedy: "give the path of a file")
    }
    self.path = path
    self.descriptor = descriptor
    byteCount = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// Reads into the first `count` elements of an array, all of them by default.
  func read<Element: BitwiseCopyable>(
    into elements: inout [Element], count: Int? = nil, at offset: Int
  ) throws(TensorFileError) {
    var span = elements.mutableSpan
    let byteCount = (count ?? span.count) * MemoryLayout<Element>.stride
    var bytes = span.mutableBytes
    try bytes.withUnsafeMutableBytes { buffer throws(TensorFileError) in
      try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount]), at: offset)
    }
  }

  /// Fills `buffer` from `offset` on.
  /// - Throws: when the file cannot be read or ends before the buffer is full.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(TensorFileError) {
    var done = 0
    while done < buffer.count {
      let got = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if got < 0 && errno == EINTR { continue }
      guard got > 0 else {
        let problem = got == 0 ? "the file ends here" : "cannot be read: \(systemMessage())"
        throw TensorFileError(path, at: offset + done, problem, remedy: "use another copy of the file")
      }
      done += got
    }
  }
}

/// The text of the last system call's error.
func systemMessage(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
