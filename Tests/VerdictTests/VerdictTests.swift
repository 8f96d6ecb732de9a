import GradientNorms
import Testing

@Suite struct VerdictTests {
  /// The runs that the rules were written with.
  @Test func developmentRuns() { check("development", LabelledRun.development) }

  /// Two sets that were each looked at once and then served to mend the rules. At first sight 92 of
  /// 97 and 63 of 71 were right, too few of some labels; five runs of the second were made wrongly:
  /// a loss that is the same for every sample at the start has no noise to hide a fall, and heavy
  /// tails ended a run early.
  @Test func otherFamilies() { check("other families", LabelledRun.others) }
  @Test func formulas() { check("formulas", LabelledRun.formulas) }

  /// A set that no rule was changed for: 65 of 66 at first sight.
  @Test func heldOut() { check("held out", LabelledRun.heldOut) }

  private func check(_ half: String, _ runs: [LabelledRun]) {
    let judged = runs.map { (run: $0, verdict: $0.run.verdict()) }
    let wrong = judged.filter { $0.run.label != $0.verdict.kind }
    let right = runs.count - wrong.count
    print(
      "\(half): \(right) of \(runs.count) runs judged right\n"
        + confusion(judged.map { ($0.run.label, $0.verdict.kind) }))
    for (run, verdict) in wrong {
      print("  \(run.name): made \(run.label.rawValue), judged \(verdict.kind.rawValue)")
      for reason in verdict.reasons { print("    \(reason)") }
    }
    #expect(Double(right) >= 0.95 * Double(runs.count))
    for label in Set(runs.map(\.label)) {
      let made = judged.filter { $0.run.label == label }
      #expect(
        Double(made.count { $0.verdict.kind == label }) >= 0.85 * Double(made.count),
        "\(label.rawValue)")
    }
  }

  /// Rows: how the runs were made; columns: how they were judged.
  private func confusion(_ pairs: [(ConvergenceVerdict.Kind, ConvergenceVerdict.Kind)]) -> String {
    let kinds = ConvergenceVerdict.Kind.allCases.filter { $0 != .stopped }
    func cell(_ text: String) -> String {
      String(repeating: " ", count: max(0, 12 - text.count)) + text
    }
    let head = cell("") + kinds.map { cell($0.rawValue) }.joined()
    let rows = kinds.map { made in
      cell(made.rawValue)
        + kinds.map { found in cell("\(pairs.count { $0.0 == made && $0.1 == found })") }.joined()
    }
    return ([head] + rows).joined(separator: "\n")
  }
}
