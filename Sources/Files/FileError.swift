/// What is wrong with a file, or with writing one: one line, "PATH: byte OFFSET: what; what to do".
public struct FileError: Error, CustomStringConvertible, Sendable, Equatable {
  public let path: String
  /// Where in the file, counted from 0; nil when the file as a whole is meant.
  public let offset: Int?
  public let what: String
  public let remedy: String?
  /// `errno` where a call of the system failed: then nothing is known of the content.
  public let systemError: Int32?

  public init(
    _ path: String, at offset: Int? = nil, _ what: String, remedy: String? = nil,
    systemError: Int32? = nil
  ) {
    self.systemError = systemError
    self.path = path
    self.offset = offset
    self.what = what
    // A full disk is no question of paths and permissions. Inodes run out with the same words.
    let isFull = what.contains("No space left on device") || what.contains("Disk quota exceeded")
    self.remedy =
      isFull ? "free some space, or inodes (df -h, df -i), then continue with --resume" : remedy
  }

  public var description: String {
    path + (offset.map { ": byte \($0)" } ?? "") + ": " + what + (remedy.map { "; " + $0 } ?? "")
  }
}
