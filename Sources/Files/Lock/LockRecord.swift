import FoundationEssentials
import Glibc

/// What a run directory's `lock` says: one line of JSON.
///
/// The counter stands last and takes the same number of bytes at any value, so that its holder can
/// raise it in place.
package struct LockRecord: Sendable, Equatable, Codable {
  /// Which run holds the lock: the coordinator's process and rank 0's have it in common.
  package var run: String
  package var holder: ProcessIdentity
  /// When it was taken, UTC.
  package var since: String
  package var counter = 0

  private static let counterWidth = 20

  package init(run: String, holder: ProcessIdentity) {
    self.run = run
    self.holder = holder
    since = Self.now()
  }

  /// A run's id that no other has.
  package static func newRun() -> String {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private enum CodingKeys: String, CodingKey { case run, since, counter }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    run = try fields.decode(String.self, forKey: .run)
    since = try fields.decode(String.self, forKey: .since)
    counter = try fields.decode(Int.self, forKey: .counter)
    holder = try ProcessIdentity(from: decoder)
  }

  /// All but the counter.
  package func encode(to encoder: any Encoder) throws {
    try holder.encode(to: encoder)
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(run, forKey: .run)
    try fields.encode(since, forKey: .since)
  }

  /// Nil for anything but a lock's content.
  package init?(bytes: [UInt8]) {
    guard let record = try? JSONDecoder().decode(LockRecord.self, from: Data(bytes)) else {
      return nil
    }
    self = record
  }

  /// The file's content, and where in it the counter's digits lie.
  package func content() -> (bytes: [UInt8], counterOffset: Int) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let fields =
      Array(((try? encoder.encode(self)) ?? Data("{}".utf8)).dropLast())
      + Array(",\"counter\":".utf8)
    return (fields + Self.digits(counter) + Array("}\n".utf8), fields.count)
  }

  static func digits(_ counter: Int) -> [UInt8] {
    let text = Array(String(counter).utf8)
    return [UInt8](repeating: UInt8(ascii: " "), count: counterWidth - text.count) + text
  }

  /// Who holds it, for a message.
  var words: String { "process \(holder.process) on \(holder.host), since \(since)" }

  private static func now() -> String {
    var seconds = time(nil)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    var buffer = [CChar](repeating: 0, count: 32)
    strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
