import Recording
import Reports

/// A scaling study as text for a terminal.
public struct StudyText {
  private let study: Study

  public init(_ study: Study) { self.study = study }

  /// All of it, with a line end after its last line.
  public var text: String {
    let blocks =
      [head, lines(of: study.measured), models]
      + [study.toTarget, study.predicted].compactMap { $0.map(lines) }
    return blocks.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") + "\n" }.joined(
      separator: "\n")
  }

  private var head: [String] {
    ["\(study.title), \(study.headline)", "on \(study.machines)"]
      + (study.plan.simulation.map { ["simulated: \(PlainText.sanitized($0))"] } ?? [])
  }

  private func lines(of table: StudyTable) -> [String] {
    // Only a last column without a name holds words.
    let words = table.columns.firstIndex(of: "")
    return (table.title.isEmpty ? [] : [table.title + ":"])
      + TextColumns.lines([table.columns] + table.rows) { $0 == words }.map(\.trimmingEnd)
      + table.notes
  }

  private var models: [String] { study.models.map { "\($0.name.padded(to: 9))  \($0.text)" } }
}

extension String {
  fileprivate var trimmingEnd: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
