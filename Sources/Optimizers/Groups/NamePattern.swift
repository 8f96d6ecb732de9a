/// A pattern of tensor names: `*` stands for any run of characters, also an empty one, and `?` for
/// one character.
package struct NamePattern {
  private let pattern: [Unicode.Scalar]

  package init(_ text: String) { pattern = Array(text.unicodeScalars) }

  /// Whether the pattern is of this whole name. Its time is at most the product of the two lengths.
  package func matches(_ text: String) -> Bool {
    let name = Array(text.unicodeScalars)
    var (place, next) = (0, 0)
    // The last `*`, and up to where it reaches so far.
    var star: (pattern: Int, reach: Int)?
    while next < name.count {
      if place < pattern.count, pattern[place] == "*" {
        star = (place, next)
        place += 1
      } else if place < pattern.count, pattern[place] == "?" || pattern[place] == name[next] {
        (place, next) = (place + 1, next + 1)
      } else if let last = star {
        star!.reach += 1
        (place, next) = (last.pattern + 1, last.reach + 1)
      } else {
        return false
      }
    }
    return pattern[place...].allSatisfy { $0 == "*" }
  }
}
