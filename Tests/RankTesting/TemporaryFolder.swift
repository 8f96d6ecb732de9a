import Foundation
import Synchronization

/// A temporary directory, removed with its last reference.
///
/// What writes into it ends the process where the disk fails: no test could go on then.
public final class TemporaryFolder: Sendable {
  public let path: String

  public init() {
    path =
      FileManager.default.temporaryDirectory.appending(path: "lockstep-\(UUID().uuidString)").path
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    Self.atEnd
    _ = Self.existing.withLock { $0.insert(path) }
  }

  deinit { Self.remove(path) }

  private static let existing = Mutex<Set<String>>([])
  /// Removes what is there when the process ends: folders that several tests share live until then.
  private static let atEnd: Void = {
    atexit {
      for path in TemporaryFolder.existing.withLock({ $0 }) { TemporaryFolder.remove(path) }
    }
  }()

  private static func remove(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
    _ = existing.withLock { $0.remove(path) }
  }

  public func path(_ name: String) -> String { path + "/" + name }
  public func url(_ name: String) -> URL { URL(filePath: path(name)) }

  /// The names of the files and folders in it, sorted.
  public var names: [String] { try! FileManager.default.contentsOfDirectory(atPath: path).sorted() }

  public func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: path(name))
  }

  // MARK: Writing

  /// Writes a file, in folders that are made where they are missing, and returns its path.
  @discardableResult
  public func write(_ bytes: [UInt8], to name: String) -> String {
    try! FileManager.default.createDirectory(
      at: url(name).deletingLastPathComponent(), withIntermediateDirectories: true)
    precondition(
      FileManager.default.createFile(atPath: path(name), contents: Data(bytes)),
      "\(path(name)) cannot be written")
    return path(name)
  }

  @discardableResult
  public func write(_ text: String, to name: String) -> String {
    write(Array(text.utf8), to: name)
  }

  /// Writes an IDX file of bytes, the format of MNIST: dimensions, then values.
  @discardableResult
  public func writeIDX(_ dimensions: [Int], _ values: [UInt8], to name: String) -> String {
    write(idx(dimensions.map(UInt32.init), values), to: name)
  }

  // MARK: Reading

  public func bytes(_ name: String) -> [UInt8] {
    Array(FileManager.default.contents(atPath: path(name))!)
  }

  public func text(_ name: String) throws -> String {
    try String(contentsOfFile: path(name), encoding: .utf8)
  }

  public func lines(_ name: String) throws -> [Substring] {
    try text(name).split(separator: "\n")
  }

  /// A file of JSON; it must be valid.
  public func json(_ name: String) throws -> NSDictionary {
    try JSONSerialization.jsonObject(with: Data(contentsOf: url(name))) as! NSDictionary
  }

  /// The records of a file of JSON lines; each must be valid.
  public func records(_ name: String) throws -> [NSDictionary] {
    try lines(name).map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as! NSDictionary
    }
  }
}

/// An IDX header, then data. Type 8 is bytes.
public func idx(_ dimensions: [UInt32], type: UInt8 = 8, _ data: [UInt8]) -> [UInt8] {
  [0, 0, type, UInt8(dimensions.count)]
    + dimensions.flatMap {
      [UInt8($0 >> 24), UInt8($0 >> 16 & 255), UInt8($0 >> 8 & 255), UInt8($0 & 255)]
    }
    + data
}
