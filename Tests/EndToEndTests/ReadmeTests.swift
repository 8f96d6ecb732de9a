import Foundation
import Testing

/// README's statements on the sources, compared with the sources; fault list F.
@Suite struct ReadmeTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private func text(_ name: String) throws -> String {
    try String(contentsOf: Self.root.appending(path: name), encoding: .utf8)
  }

  @Test func everyFileThatTheReadmeNamesExists() throws {
    let readme = try text("README.md")
    let paths = Set(
      readme.matches(of: /(?:Sources|Launch|Tests)\/[A-Za-z0-9_.\/+-]+/).map {
        String($0.0).trimmingSuffix(".")
      })
    #expect(paths.count > 10)
    for path in paths {
      #expect(
        FileManager.default.fileExists(atPath: Self.root.appending(path: path).path), "\(path)")
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
    let picture = try text("README.md").split(separator: "\n").filter {
      $0.contains("←") && !$0.contains("v ←")
    }
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
