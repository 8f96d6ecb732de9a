import Foundation
import RankTesting
import Testing

/// What each case of one of the programs `mpi-…cases` reported, from one start for all of them.
struct RankCases {
  let outcome: Outcome
  /// The line of each case by its name: `ok NAME`, or `failed NAME: …`.
  let lines: [String: Substring]

  init(_ ranks: Int, _ arguments: [String], mpirunArguments: [String] = []) throws {
    outcome = try Programs.mpirun(ranks, arguments, mpirunArguments: mpirunArguments)
    var lines: [String: Substring] = [:]
    for line in outcome.output.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 1)
      guard words.count == 2, words[0] == "ok" || words[0] == "failed" else { continue }
      lines[String(words[1].prefix { $0 != ":" })] = line
    }
    self.lines = lines
  }

  /// Fails the test that calls it unless the case ended well, with what it reported. A case that
  /// did not report ended the job or came after one that did.
  func expectGood(_ name: String) {
    #expect(
      lines[name] == "ok \(name)",
      "\(lines[name] ?? "no report of \(name); the job's status is \(outcome.status): \(outcome.errors)")"
    )
  }

  /// The starts that were made, by number of ranks.
  private static let started = Started()

  /// The quick cases on that many ranks, which are started once.
  static func quick(_ ranks: Int) throws -> RankCases { try started.cases(ranks) }

  private final class Started: @unchecked Sendable {
    private let lock = NSLock()
    private var results: [Int: Result<RankCases, any Error>] = [:]

    func cases(_ ranks: Int) throws -> RankCases {
      try lock.withLock {
        let result = results[ranks] ?? Result { try RankCases(ranks, ["mpi-cases"]) }
        results[ranks] = result
        return try result.get()
      }
    }
  }
}
