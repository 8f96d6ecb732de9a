import Foundation
import RankTesting

/// A directory that is removed with its last reference.
final class TemporaryFolder {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory.appending(path: "lockstep-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    try text.write(toFile: path + "/" + name, atomically: true, encoding: .utf8)
    return path + "/" + name
  }

  func text(_ name: String) throws -> String {
    try String(contentsOfFile: path + "/" + name, encoding: .utf8)
  }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }

  /// A file of JSON; it must be valid.
  func json(_ name: String) throws -> NSDictionary {
    try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path + "/" + name)))
      as! NSDictionary
  }

  /// The records of a file of JSON lines; each must be valid.
  func records(_ name: String) throws -> [NSDictionary] {
    let lines = try text(name).split(separator: "\n")
    return try lines.map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as! NSDictionary }
  }
}
