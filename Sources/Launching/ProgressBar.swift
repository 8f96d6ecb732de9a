import Recording
import Reports

/// One line of a terminal that shows where training is, never wider than the given width.
public struct ProgressBar: Sendable {
  /// Whether the terminal shows more than ASCII.
  public var isUnicode: Bool

  public init(isUnicode: Bool) { self.isUnicode = isUnicode }

  /// `██████████──────────  45 %  step 320/702  loss 0.4321  norm 1.203  clipped 12 %  23,412 samples/s  0:34 left`.
  ///
  /// What does not fit goes, the least telling first; the bar takes what is left, from 10 to 40
  /// cells.
  public func line(_ progress: WorkerEvent.Progress, width: Int) -> String {
    let steps = max(1, progress.steps)
    let fraction = min(1, max(0, Double(progress.step) / Double(steps)))
    var parts: [(rank: Int, text: String)] = [
      (0, "step \(progress.step)/\(progress.steps)"),
      (1, "loss \(NumberFormat.formatted(progress.loss))"),
      (3, "norm \(NumberFormat.formatted(progress.norm))"),
      (5, "clipped \(NumberFormat.percent(progress.clippedFraction))"),
    ]
    if progress.skipped > 0 { parts.append((4, "skipped \(progress.skipped)")) }
    if progress.samplesPerSecond != nil {
      parts.append((6, "\(NumberFormat.rate(progress.samplesPerSecond)) samples/s"))
    }
    if progress.secondsLeft != nil {
      parts.append((2, "\(NumberFormat.clock(progress.secondsLeft)) left"))
    }
    func length() -> Int { parts.reduce(0) { $0 + 2 + $1.text.count } }
    while parts.count > 1, length() + 10 > width {
      parts.remove(at: parts.indices.max { parts[$0].rank < parts[$1].rank }!)
    }
    let text = parts.map(\.text).joined(separator: "  ")
    let room = width - length()
    guard room >= 10 else { return String(text.prefix(max(0, width))) }
    return bar(fraction, cells: min(40, room)) + "  " + text
  }

  /// A line while there is no progress yet.
  public func line(_ text: String, width: Int) -> String { String(text.prefix(max(0, width))) }

  private func bar(_ fraction: Double, cells: Int) -> String {
    guard isUnicode else {
      let full = Int((fraction * Double(cells - 2)).rounded(.down))
      return "[" + String(repeating: "#", count: full)
        + String(repeating: "-", count: cells - 2 - full) + "]"
    }
    // Eighths of a cell make slow runs move.
    let eighths = Int((fraction * Double(cells * 8)).rounded(.down))
    let (full, part) = (eighths / 8, eighths % 8)
    let partial =
      part == 0 ? "" : String("▏▎▍▌▋▊▉"["▏▎▍▌▋▊▉".index("▏▎▍▌▋▊▉".startIndex, offsetBy: part - 1)])
    return String(repeating: "█", count: full) + partial
      + String(repeating: "─", count: cells - full - (part == 0 ? 0 : 1))
  }
}
