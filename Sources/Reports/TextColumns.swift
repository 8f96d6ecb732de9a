/// Rows of words and numbers in columns as wide as their widest cell.
public enum TextColumns {
  /// A line a row; `isLeft` says of a column's index whether its cells stand left, as words do, and
  /// not right, as numbers do.
  public static func lines(_ rows: [[String]], isLeft: (Int) -> Bool) -> [String] {
    guard let columns = rows.first?.indices else { return [] }
    let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      columns.map { isLeft($0) ? row[$0].padded(to: widths[$0]) : row[$0].right(widths[$0]) }
        .joined(separator: "  ")
    }
  }

  /// The same where the table fits, and a paragraph a row where it does not: nothing is left out or
  /// cut.
  public static func lines(_ rows: [[String]], style: TextStyle, isLeft: (Int) -> Bool) -> [String]
  {
    let table = lines(rows, isLeft: isLeft)
    return table.allSatisfy { $0.count <= style.tableWidth }
      ? table : paragraphs(rows, indent: 0, width: style.width)
  }

  /// A paragraph a row, each cell named by the first row: `rank 0: host vm, samples 75,000, …`.
  public static func paragraphs(_ rows: [[String]], indent: Int, width: Int) -> [String] {
    guard let head = rows.first else { return [] }
    return rows.dropFirst().flatMap { row in
      let cells = zip(head, row).dropFirst().filter { !$1.isEmpty }.map { "\($0) \($1)" }
      let parts = cells.enumerated().map {
        $0.offset == cells.count - 1 ? $0.element : $0.element + ","
      }
      return WrappedText.lines(
        ["\(head[0]) \(row[0]):"] + parts, separator: " ", indent: indent, width: width)
    }
  }
}

extension String {
  var trimmingEnd: String { String(reversed().drop { $0 == " " }.reversed()) }
}
