/// Rows of words and numbers in columns as wide as their widest cell.
public enum TextColumns {
  /// A line a row; `isLeft` says of a column's index whether its cells stand left, as words do, and not right, as numbers do.
  public static func lines(_ rows: [[String]], isLeft: (Int) -> Bool) -> [String] {
    guard let columns = rows.first?.indices else { return [] }
    let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      columns.map { isLeft($0) ? row[$0].padded(to: widths[$0]) : row[$0].right(widths[$0]) }.joined(separator: "  ")
    }
  }
}
