import Reports
import Recording
import Scaling

/// A study of fixed cores: which number of ranks, each with its part of the cores as threads, takes
/// the shortest steps.
extension Study {
  static var columnNote: String {
    "compute, reduce, norm: ms of a mean step, over ranks; wait: of the rank that waits most"
  }

  /// What to say of rank counts whose ranks took turns; nil where there are none.
  var takingNote: String? {
    counts.contains(where: \.isOversubscribed)
      ? "oversubscribed: ranks take turns on the cores, which says nothing about scaling" : nil
  }

  var measuredDivisions: StudyTable {
    let rows = counts.map { count in
      func mean(_ phase: Phase) -> String { NumberFormat.formatted(count.mean(phase) * 1e3) }
      return [
        String(count.ranks), String(count.threads), NumberFormat.grouped(count.globalBatch),
        NumberFormat.formatted(count.step.median * 1e3),
        NumberFormat.formatted(count.step.range * 1e3),
        NumberFormat.rate(count.samplesPerSecond), NumberFormat.fixed(speedUp(count), decimals: 2),
        mean(.compute), mean(.reduce), mean(.norm),
        NumberFormat.formatted((count.waiting.max() ?? 0) * 1e3),
        count.isOversubscribed ? "oversubscribed" : "",
      ]
    }
    return StudyTable(
      columns: [
        "ranks", "threads", "batch", "step ms", "IQR", "samples/s", "speed", "compute", "reduce",
        "norm", "wait", "",
      ],
      rows: rows,
      notes: [
        "speed: samples a second over those of \(base.division)", Self.columnNote, takingNote,
        fastestNote,
      ].compactMap { $0 })
  }

  /// The fastest division, and whether it surely is; nil where there is nothing to choose from.
  private var fastestNote: String? {
    let ordered = sound.sorted { $0.step.median < $1.step.median }
    guard let first = ordered.first, ordered.count > 1 else { return nil }
    let alike = ordered.dropFirst().filter { $0.step.lowerQuartile <= first.step.upperQuartile }
    let doubt =
      alike.isEmpty
      ? ""
      : "; not surely: the quartiles of \(alike.map(\.division).joined(separator: " and ")) overlap with its own"
    return "fastest: \(first.division)\(doubt)"
  }
}

extension RankCount {
  /// `2 ranks × 4 threads`.
  var division: String { CoreDivision(ranks: ranks, threads: threads).text }
}
