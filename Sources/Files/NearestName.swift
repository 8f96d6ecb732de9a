/// The candidate within a third of the word's length in edits (Levenshtein), if there is one; no
/// word longer than 100 bytes has one.
package func nearest(_ word: String, among candidates: [String]) -> String? {
  guard word.utf8.count <= 100 else { return nil }
  func distance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let substituted = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
  let letters = Array(word)
  let best = candidates.map { ($0, distance(letters, Array($0))) }.min { $0.1 < $1.1 }
  guard let best, best.1 <= max(2, word.count / 3) else { return nil }
  return best.0
}
