import Foundation
import RankTesting
import Testing

/// What README and the pages of the documentation say of the sources, compared with them.
@Suite struct ReadmeTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private static let pages = "Sources/Training/Lockstep.docc"
  private static let example = "Launch/examples/own-worker/Sources/own-worker"

  private func text(_ name: String) throws -> String {
    try String(contentsOf: Self.root.appending(path: name), encoding: .utf8)
  }

  private func lines(_ name: String) throws -> [Substring] {
    try text(name).split(separator: "\n", omittingEmptySubsequences: false)
  }

  private func files(in folder: String, ending: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: Self.root.appending(path: folder).path)
      .filter { $0.hasSuffix(ending) }.sorted().map { "\(folder)/\($0)" }
  }

  @Test func everyFileThatIsNamedIsThere() throws {
    var count = 0
    for page in try ["README.md"] + files(in: Self.pages, ending: ".md") {
      let paths = Set(
        try text(page).matches(of: /(?:Sources|Launch|Tests)\/[A-Za-z0-9_.\/+-]+/).map {
          String($0.0).trimmingSuffix(".")
        })
      count += paths.count
      for path in paths {
        #expect(
          FileManager.default.fileExists(atPath: Self.root.appending(path: path).path),
          "\(path), named in \(page)")
      }
    }
    #expect(count > 50)
  }

  /// Every page is in the index, and every link between pages leads to one.
  @Test func everyPageIsLinked() throws {
    let names = try files(in: Self.pages, ending: ".md").map {
      String($0.dropFirst(Self.pages.count + 1).dropLast(3))
    }
    func links(_ page: String) throws -> Set<String> {
      Set(
        try text("\(Self.pages)/\(page).md").matches(of: /<doc:(\w+)>/).map { String($0.1) })
    }
    #expect(try links("Lockstep").union(["Lockstep"]) == Set(names))
    for page in names {
      for link in try links(page) { #expect(names.contains(link), "\(page) links to \(link)") }
    }
  }

  @Test func readmeIsShort() throws {
    let lines = try lines("README.md")
    #expect(lines.count <= 181)
    for (index, line) in lines.enumerated() where line.count > 120 {
      Issue.record("README.md:\(index + 1) has \(line.count) columns")
    }
  }

  /// Each block of Swift is lines of the example, one after another in one of its files.
  @Test func everySnippetIsTheExamplesSource() throws {
    let sources = try files(in: Self.example, ending: ".swift").map(lines)
    let blocks = try text("README.md").matches(of: /(?s)```swift\n(.*?)\n```/).map {
      $0.1.split(separator: "\n", omittingEmptySubsequences: false)
    }
    #expect(blocks.count == 2)
    for block in blocks {
      #expect(
        sources.contains { $0.firstRange(of: block) != nil },
        "not in the example: \(block.joined(separator: "\n"))")
    }
  }

  /// What the pages show of networks can be made.
  @Test func theNetworksOfThePagesFit() throws {
    for page in ["README.md", "Sources/Training/Lockstep.docc/YourOwnNetwork.md"] {
      let blocks = try text(page).matches(of: /(?s)```toml\n(.*?)\n```/).map { String($0.1) }
        .filter { $0.contains("kind = \"network\"") }
      #expect(!blocks.isEmpty, "\(page)")
      for block in blocks {
        let folder = TemporaryFolder()
        let run = try folder.lockstep([
          "run", folder.write(block, to: "x.toml"), "-n", "2", "--dry-run",
        ]).finish()
        #expect(run.status == 0, "\(page): \(run.errors)")
      }
    }
  }

  /// An arrow of the picture is a dependency of Package.swift, direct or through others.
  @Test func everyArrowOfThePictureIsADependency() throws {
    var dependencies: [String: Set<String>] = [:]
    for target in try text("Package.swift").matches(
      of: /(?:library|program)\(\s*"([\w-]+)"(?:,\s*\[([^\]]*)\])?/)
    {
      dependencies[String(target.1)] = Set(
        (target.2 ?? "").matches(of: /"(\w+)"/).map { String($0.1) })
    }
    func reaches(_ target: String, _ wanted: String) -> Bool {
      let direct = dependencies[target] ?? []
      return direct.contains(wanted) || direct.contains { reaches($0, wanted) }
    }
    let picture = try lines("\(Self.pages)/Extending.md").filter { $0.contains("←") }
    #expect(picture.count >= 3)
    for chain in picture.flatMap({ $0.split(separator: /\s{3,}/) }) {
      let links = chain.split(separator: "←").map {
        $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      }
      for (lower, upper) in zip(links, links.dropFirst()) {
        for target in upper {
          for wanted in lower {
            #expect(reaches(target, wanted), "\(target) does not depend on \(wanted)")
          }
        }
      }
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(_ suffix: String) -> String {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
  }
}
