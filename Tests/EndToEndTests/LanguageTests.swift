import Foundation
import Testing

/// The language of sources, tests, scripts and documentation: plain words, which a reader of any
/// first language knows.
@Suite struct LanguageTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Words that name an actor or a place in a roundabout way, with what to write instead.
  private static let words = [
    "told": "reported, asked", "tells?": "reports, shows, distinguishes", "foretold": "predicted",
    "foretells?": "predicts", "whoever": "the caller",
    "nobody": "no rank, nothing", "behind the": "after the",
    "beside the": "next to the, besides the",
  ]

  /// All files of a folder, or the file itself. Inputs that fuzzing found and recorded runs are not
  /// written by hand, and this file names the words.
  private static func files(_ name: String) throws -> [URL] {
    let place = root.appending(path: name)
    guard
      try place.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true,
      let files = FileManager.default.enumerator(
        at: place, includingPropertiesForKeys: [.isRegularFileKey])
    else { return [place] }
    let excepted = ["FuzzTests/Corpus/", "TrainingTests/Golden/", "/LanguageTests.swift"]
    return try files.compactMap { $0 as? URL }.filter { file in
      try file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true
        && !excepted.contains { file.path.contains($0) }
    }
  }

  /// A line with a space between the words of its identifiers: `isWarnedTwice` is three words.
  private static func separated(_ line: Substring) -> String {
    var bytes: [UInt8] = []
    for byte in line.utf8 {
      if (65...90).contains(byte), let last = bytes.last, (97...122).contains(last) {
        bytes.append(32)
      }
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Names of functions are read as words in Tests, where they are sentences.
  @Test(arguments: [
    ("Sources", false), ("Launch", false), ("README.md", false), ("Package.swift", false),
    ("Tests", true),
  ])
  func plainWordsAreUsed(_ name: String, separatesNames: Bool) throws {
    let pattern = try Regex("(?i)\\b(" + Self.words.keys.sorted().joined(separator: "|") + ")\\b")
    let files = try Self.files(name)
    #expect(files.count > (["Sources", "Tests"].contains(name) ? 150 : 0))
    for file in files {
      guard let text = try? String(contentsOf: file, encoding: .utf8) else { continue }
      for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
        .enumerated()
      {
        let line = separatesNames ? Self.separated(line) : String(line)
        guard let word = line.firstMatch(of: pattern) else { continue }
        let instead =
          try Self.words.first {
            try Regex("(?i)" + $0.key).wholeMatch(in: line[word.range]) != nil
          }?
          .value ?? ""
        Issue.record("\(file.path):\(index + 1): \"\(line[word.range])\"; \(instead)")
      }
    }
  }
}
