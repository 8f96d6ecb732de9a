import Foundation
import Testing

/// The language of sources, scripts and documentation: plain words, which a reader of any first
/// language knows.
@Suite struct LanguageTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Words that say who or where in a roundabout way, with what to write instead.
  private static let words = [
    "told": "reported, asked", "tells?": "reports, shows, distinguishes", "foretold": "predicted",
    "foretells?": "predicts", "whoever": "the caller",
    "nobody": "no rank, nothing", "behind the": "after the",
    "beside the": "next to the, besides the",
  ]

  @Test func plainWordsAreUsed() throws {
    let pattern = try Regex("(?i)\\b(" + Self.words.keys.sorted().joined(separator: "|") + ")\\b")
    var files = [
      Self.root.appending(path: "README.md"), Self.root.appending(path: "Package.swift"),
    ]
    for folder in ["Sources", "Launch"] {
      let names = try #require(
        FileManager.default.enumerator(
          at: Self.root.appending(path: folder), includingPropertiesForKeys: [.isRegularFileKey]))
      for case let file as URL in names
      where try file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true {
        files.append(file)
      }
    }
    var count = 0
    for file in files {
      guard let text = try? String(contentsOf: file, encoding: .utf8) else { continue }
      count += 1
      for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
        .enumerated()
      {
        guard let word = line.firstMatch(of: pattern) else { continue }
        let instead =
          Self.words.first {
            (try? Regex("(?i)" + $0.key).wholeMatch(in: line[word.range])) != nil
          }?.value ?? ""
        Issue.record("\(file.path):\(index + 1): \"\(line[word.range])\"; \(instead)")
      }
    }
    #expect(count > 300)
  }
}
