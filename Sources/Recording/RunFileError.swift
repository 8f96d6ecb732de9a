import Glibc

/// What went wrong with a file of the run directory, in one line: path, what, what to do.
public struct RunFileError: Error, Sendable, Equatable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }

  /// A failed system call: "runs/a/metrics.jsonl: cannot write 310 bytes at byte 4096: No space
  /// left on device".
  init(path: String, cannot what: String, code: Int32) {
    let advice =
      code == ENOSPC || code == EDQUOT
      ? "; free some space, or inodes (df -h, df -i), then continue with --resume" : ""
    description = "\(path): cannot \(what): \(String(cString: strerror(code)))\(advice)"
  }
}
