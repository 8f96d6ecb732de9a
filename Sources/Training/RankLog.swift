import FoundationEssentials
import Glibc
import Logging
import Recording

/// One rank's log file, `logs/rank-R.log` in the run directory; flushed line by line.
struct RankLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .info
  private let descriptor: Int32

  init(path: String) {
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    guard descriptor >= 0 else { return }
    let line = Array("\(timestamp()) \(event.level) \(event.message)\n".utf8)
    _ = write(descriptor, line, line.count)
  }

  private func timestamp() -> String {
    var now = time(nil)
    var parts = tm()
    gmtime_r(&now, &parts)
    var buffer = [CChar](repeating: 0, count: 32)
    strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// A logger that writes nowhere.
  static var none: Logger { Logger(label: "none") { _ in SwiftLogNoOpLogHandler() } }

  /// A logger that writes to a rank's file. Where the file cannot be made the rank trains on
  /// without a log.
  static func logger(for directory: RunDirectory, rank: Int) -> Logger {
    try? RunDirectory.make(directory.logs)
    return Logger(label: "rank \(rank)") { _ in RankLog(path: directory.log(ofRank: rank)) }
  }
}
