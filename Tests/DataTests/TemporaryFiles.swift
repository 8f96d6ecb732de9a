import CZlib
import Foundation

/// A directory of a test's own, removed with the last reference.
final class TemporaryFiles: Sendable {
  let path: String

  init() {
    path = FileManager.default.temporaryDirectory.path + "/lockstep-data-\(UUID().uuidString)"
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ bytes: [UInt8]) -> String {
    let path = self.path + "/" + name
    precondition(FileManager.default.createFile(atPath: path, contents: Foundation.Data(bytes)))
    return path
  }
}

/// An IDX header, then data.
func idx(_ dimensions: [UInt32], type: UInt8 = 8, _ data: [UInt8]) -> [UInt8] {
  [0, 0, type, UInt8(dimensions.count)]
    + dimensions.flatMap {
      [UInt8($0 >> 24), UInt8($0 >> 16 & 255), UInt8($0 >> 8 & 255), UInt8($0 & 255)]
    }
    + data
}

/// One gzip member, as zlib writes it.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
  var stream = z_stream()
  var input = bytes
  var output = [UInt8](repeating: 0, count: bytes.count + bytes.count / 100 + 1000)
  deflateInit2_(
    &stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
    Int32(MemoryLayout<z_stream>.size))
  let status = input.withUnsafeMutableBufferPointer { input in
    output.withUnsafeMutableBufferPointer { output in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      stream.next_out = output.baseAddress
      stream.avail_out = UInt32(output.count)
      return deflate(&stream, Z_FINISH)
    }
  }
  precondition(status == Z_STREAM_END)
  let count = output.count - Int(stream.avail_out)
  deflateEnd(&stream)
  return Array(output[..<count])
}
