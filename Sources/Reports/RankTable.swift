import Recording

/// What each rank did, a line a rank, as a convergence report shows it.
struct RankTable {
  private let ranks: [ConvergenceReport.Rank]

  init(_ ranks: [ConvergenceReport.Rank]) { self.ranks = ranks }

  /// The lines, none where no rank is known; where a terminal is too narrow for columns, a
  /// paragraph a rank.
  func lines(_ style: TextStyle) -> [String] {
    guard !ranks.isEmpty else { return [] }
    let hostWidth = min(24, max(4, ranks.map(\.host.count).max() ?? 0))
    let head = ["rank", "host", "samples", "last loss", "local norm", "waiting s", "weights"]
    let rows = ranks.map { rank in
      [
        String(rank.rank), PlainText.sanitized(rank.host, limit: hostWidth),
        NumberFormat.grouped(rank.samples), NumberFormat.formatted(rank.finalLoss),
        NumberFormat.formatted(rank.meanLocalNorm),
        NumberFormat.fixed(rank.secondsWaiting, decimals: 2),
        rank.weightsSHA256.map { PlainText.sanitized(String($0.prefix(12))) } ?? "–",
      ]
    }
    func line(_ cells: [String]) -> String {
      "  \(cells[0].right(4))  \(cells[1].padded(to: hostWidth))\(cells[2].right(14))\(cells[3].right(12))\(cells[4].right(12))"
        + "\(cells[5].right(12))  \(cells[6])"
    }
    let table = ([head] + rows).map(line)
    guard table.allSatisfy({ $0.count <= style.tableWidth }) else {
      return TextColumns.paragraphs([head] + rows, indent: 2, width: style.width)
    }
    return [style.allowsEscapes ? "\u{1B}[2m\(table[0])\u{1B}[0m" : table[0]] + table.dropFirst()
  }
}
