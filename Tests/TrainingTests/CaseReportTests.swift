import RankTesting
import Testing

/// Rank programs report each of their cases.
@Suite struct CaseReportTests {
  @Test func eachFailingCaseIsReportedAndTheOthersRun() throws {
    let outcome = try Programs.mpirun(3, ["cases"])
    let cases = outcome.cases
    #expect(outcome.status != 0)
    #expect(
      cases.planned == [
        "one rank fails", "all pass", "two ranks fail in four checks", "rank 2 throws",
        "not reached",
      ])
    #expect(cases.passed == ["all pass"])
    #expect(cases.notRun == ["not reached"])
    try #require(
      cases.failures.map(\.name) == [
        "one rank fails", "two ranks fail in four checks", "rank 2 throws",
      ], "\(outcome.errors)")
    let checks = cases.failures.map(\.checks)
    #expect(checks[0].count == 1 && checks[0][0].hasPrefix("rank 1: "))
    #expect(checks[0][0].hasSuffix("rank 1 has no luck"))
    // Three of the four checks on each rank, and how many more there are.
    #expect(checks[1].count == 8 && checks[1].count { $0.hasSuffix("and in 1 checks more") } == 2)
    #expect(checks[1].contains { $0.hasPrefix("rank 0: ") && $0.hasSuffix("is 1, not 2") })
    #expect(checks[2] == ["rank 2: no more"])
  }

  @Test func aFailingProgramIsAnIssueForEachFailingCase() throws {
    func issues(_ status: Int32, _ errors: String) -> [String] {
      let texts = Texts()
      withKnownIssue(isIntermittent: true) {
        Outcome(status: status, output: "", errors: errors, seconds: 0).expectCasesPass()
      } matching: { issue in
        texts.all.append(issue.comments.map(\.rawValue).joined())
        return true
      }
      return texts.all
    }
    let plan = "case a b: planned\ncase c: planned\ncase d: planned\n"
    #expect(issues(0, plan + "case a b: passed\ncase c: passed\ncase d: passed\n") == [])
    #expect(
      issues(
        1, plan + "case a b: passed\ncase c: failed on rank 1: x\ncase d: failed on rank 0: y\n")
        == ["c: rank 1: x", "d: rank 0: y"])
    #expect(
      issues(139, plan + "case a b: passed\nrank 1 on here: crash\n") == [
        "not run: c; d", "status 139 without a failed case: rank 1 on here: crash",
      ])
    #expect(issues(0, "") == ["no case was run"])
  }

  /// The matcher of known issues is called on the thread of the test.
  private final class Texts: @unchecked Sendable { var all: [String] = [] }
}
