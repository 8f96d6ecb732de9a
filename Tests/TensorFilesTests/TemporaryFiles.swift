import Foundation

/// A temporary directory, removed with its last reference.
final class TemporaryFiles: Sendable {
  let path: String

  init() {
    path = FileManager.default.temporaryDirectory.path + "/lockstep-tensors-\(UUID().uuidString)"
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var names: [String] { try! FileManager.default.contentsOfDirectory(atPath: path).sorted() }

  func write(_ name: String, _ bytes: [UInt8]) -> String {
    let path = self.path + "/" + name
    precondition(FileManager.default.createFile(atPath: path, contents: Data(bytes)))
    return path
  }

  func bytes(_ name: String) -> [UInt8] {
    Array(FileManager.default.contents(atPath: path + "/" + name)!)
  }
}
