import Glibc
import Processes
import Recording
import Reports

/// How rank 0 reports a run on standard output: as events for the coordinator, or as plain lines
/// for a person.
public struct ConsoleReporter: Sendable {
  public enum OutputFormat: Sendable { case events, lines, quiet }

  let voice: OutputFormat
  /// The directory that the final report names.
  let directory: String
  let name: String

  /// Nanoseconds between two progress messages.
  var interval: UInt64 { voice == .events ? 100_000_000 : 2_000_000_000 }

  func event(_ event: WorkerEvent) {
    switch voice {
    case .events: print(JSONText(of: event).string + "\n")
    case .lines:
      switch event {
      case .started(let started):
        print(
          ([ProgressText.line(started)] + started.notes.map { "note: \(PlainText.sanitized($0))" })
            .joined(separator: "\n") + "\n")
      case .progress(let progress): print(ProgressText.line(progress) + "\n")
      case .message(let level, let text): print("\(level): \(PlainText.sanitized(text))\n")
      case .stall(let stall):
        print("\(stall.state == .ended ? "note" : "warning"): \(PlainText.sanitized(stall.text))\n")
      case .heldOut(let record): print(ProgressText.line(record) + "\n")
      case .evaluation(let loss, let score):
        print(ProgressText.evaluationLine(loss: loss, score: score) + "\n")
      case .report(let report):
        print(
          "\n"
            + ReportText(
              report, name: name, place: RunDirectory(directory).placeToRead, style: Self.style
            ).text)
      }
    case .quiet:
      if case .report(let report) = event {
        print(
          ReportText(
            report, name: name, place: RunDirectory(directory).placeToRead, style: Self.style
          ).text)
      }
    }
  }

  /// mpirun carries the text elsewhere: only `COLUMNS` says how wide it may be, and nothing that
  /// escape codes are wanted.
  private static var style: TextStyle {
    TextStyle(isTerminal: false, columns: nil) { name in getenv(name).map { String(cString: $0) } }
  }

  /// One write of whole lines, past the C library's buffer, so that a reader sees each at once.
  private func print(_ text: String) {
    // Of a coordinator's pipe the coordinator is the reader.
    guard voice == .events || LauncherOutput.hasReader() else { return }
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        write(STDOUT_FILENO, $0.baseAddress! + written, $0.count - written)
      }
      if count < 0 && errno != EINTR { return }
      written += max(count, 0)
    }
  }
}
