import GradientNorms
import Testing

@Suite struct VerdictTests {
  /// The runs that the rules were written with.
  @Test func developmentRunsAreJudgedRight() { check("development", LabelledRun.development) }

  /// Two sets that were each used once as a test and then to improve the rules.
  @Test func otherFamiliesAreJudgedRight() { check("other families", LabelledRun.others) }
  @Test func formulasAreJudgedRight() { check("formulas", LabelledRun.formulas) }

  /// A set that no rule was changed for: 65 of 66 were right at the first try.
  @Test func heldOutRunsAreJudgedRight() { check("held out", LabelledRun.heldOut) }

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
