import Configuration
import Foundation
import Recording
import Reports
import Testing

/// The page on an experiment's keys is what the calls that read them declare.
@Suite struct ExperimentPageTests {
  private static let variable = "LOCKSTEP_WRITE_KEYS"

  @Test func thePageIsWrittenFromTheDeclarations() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let file = folder.appending(
      path: "../../Sources/Training/Lockstep.docc/ConfigurationReference.md"
    ).standardizedFileURL
    let page = KeyPage.markdown(Experiment.keyDeclarations())
    if ProcessInfo.processInfo.environment[Self.variable] != nil {
      try page.write(to: file, atomically: true, encoding: .utf8)
    }
    let written = try String(contentsOf: file, encoding: .utf8)
    let changed = zip(page.split(separator: "\n"), written.split(separator: "\n")).first {
      $0 != $1
    }
    #expect(
      written == page,
      """
      ConfigurationReference.md is not what is read, first at "\(changed?.0 ?? "its end")"; write it \
      anew: \(Self.variable)=1 swift test --filter ExperimentPageTests
      """)
  }

  /// Rows have as many cells as the heading, and no heading is there twice.
  @Test func thePageIsAPageOfTables() {
    let lines = KeyPage.markdown(Experiment.keyDeclarations()).split(separator: "\n")
    let headings = lines.filter { $0.hasPrefix("#") }
    #expect(headings.count > 50 && Set(headings).count == headings.count)
    for line in lines where line.hasPrefix("| `") {
      #expect(line.replacing("\\|", with: "").count { $0 == "|" } == 5, "\(line)")
    }
  }
}
