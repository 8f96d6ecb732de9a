import ExperimentKeys
import Recording
import Reports
import Scaling

/// How many ranks of how many threads a command line asks for, where either may be left open.
struct RankRequest: Sendable {
  /// Nil for `auto`.
  var ranks: Int?
  var threads: ThreadCount
  /// How many ranks can get samples in a step; nil where that is not known.
  var mostRanks: Int?

  /// `-n`: a number, or `auto`.
  init(ranks text: String, threads: ThreadCount = .fixed(1), mostRanks: Int? = nil) throws {
    (self.threads, self.mostRanks) = (threads, mostRanks)
    if text == "auto" { return }
    guard let count = Int(text), (1...65536).contains(count) else {
      throw CommandFailure(
        .usage,
        "-n \(PlainText.sanitized(text, limit: 40)): give a number of ranks from 1 to 65536, or auto"
      )
    }
    ranks = count
  }

  /// Whether the cores of the hosts decide about ranks or threads. Without either `auto` or several
  /// threads the hosts' slots do.
  var isOpen: Bool { threads == .auto || ranks == nil && threads != .fixed(1) }

  func division(of hosts: [CoreDivision.Host]) -> CoreDivision {
    CoreDivision(hosts, ranks: ranks, threads: threads.number, mostRanks: mostRanks)
  }
}
