import Recording

/// Lets the first few of messages through that differ in their numbers alone, and counts the rest.
public struct RepeatedMessages: Sendable {
  private var counts: [String: Int] = [:]
  private let limit: Int
  private static let kinds = 64

  /// `limit` messages of a kind are let through.
  public init(limit: Int = 3) { self.limit = limit }

  /// Whether a message is to be shown.
  public mutating func admits(_ text: String) -> Bool {
    let kind = Self.kind(text)
    guard counts[kind] != nil || counts.count < Self.kinds else { return false }
    counts[kind, default: 0] += 1
    return counts[kind]! <= limit
  }

  /// How many of a kind were not shown, in a line each; from then on they are counted anew.
  public mutating func takeSummary() -> [String] {
    let hidden = counts.filter { $0.value > limit }.map { (kind: $0.key, count: $0.value - limit) }
      .sorted { $0.kind < $1.kind }
    for (kind, _) in hidden { counts[kind] = limit }
    return hidden.map {
      "\(NumberFormat.counted($0.count, "more message")) like: \($0.kind.prefix(80))"
    }
  }

  /// A message without its numbers.
  private static func kind(_ text: String) -> String {
    var kind = ""
    var isNumber = false
    for character in text {
      let continues =
        isNumber
        && (character == "." || character == "-" || character == "+" || character == "e"
          || character == ",")
      if character.isNumber {
        if !isNumber { kind.append("N") }
        isNumber = true
      } else if !continues {
        isNumber = false
        kind.append(character)
      }
    }
    return kind
  }
}
