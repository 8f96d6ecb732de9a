import Recording
import Reports

/// What a comparison found, as text: a line for each rank count, then where the others differ
/// first, then what was and was not compared.
public struct VerificationTable {
  public let text: String

  /// `ended` says which runs came to their end.
  public init(_ runs: [RecordedRun], _ comparison: RunComparison, ended: [Bool]) {
    let score = runs.lazy.compactMap(\.scoreName).first
    var rows = [["ranks", "test loss"] + (score.map { [$0] } ?? []) + ["weights", "result"]]
    for (index, run) in runs.enumerated() {
      func number(_ name: String) -> String { run.final(name) ?? "–" }
      let digest =
        run.final("report weights_sha256").map { String($0.filter { $0 != "\"" }.prefix(12)) }
        ?? "–"
      var result =
        comparison.differences[index].map { "different from \($0.place) on" }
        ?? (index == comparison.reference ? "reference" : "identical")
      if !ended[index] {
        result =
          "did not end" + (comparison.differences[index].map { "; \($0.place) is different" } ?? "")
      }
      rows.append(
        ["\(run.ranks)", number("report final.loss")]
          + (score.map { [number("report final.\($0)")] } ?? []) + [digest, result])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines = rows.map { row in
      row.enumerated().map {
        $0 == 0 ? $1.right(widths[$0]) : $0 == row.count - 1 ? $1 : $1.padded(to: widths[$0])
      }.joined(separator: "  ")
    }
    let reference = NumberFormat.counted(runs[comparison.reference].ranks, "rank")
    for (run, difference) in zip(runs, comparison.differences) {
      guard let difference else { continue }
      let mine = NumberFormat.counted(run.ranks, "rank")
      let width = max(mine.count, reference.count)
      lines.append("first difference on \(mine): \(difference.place)")
      lines.append("  \(reference.padded(to: width))  \(RunComparison.shown(difference.reference))")
      lines.append("  \(mine.padded(to: width))  \(RunComparison.shown(difference.found))")
    }
    lines.append(
      "compared to the bit: loss, norms, decision, rate of every step; weights, optimiser state, evaluation, verdict; every stage's trace"
    )
    lines.append("left out, as they depend on the ranks or the clock: \(RecordedRun.leftOut)")
    text = lines.joined(separator: "\n") + "\n"
  }
}
