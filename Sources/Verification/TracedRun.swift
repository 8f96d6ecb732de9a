import FoundationEssentials
import Recording

/// One run's traces, of all its ranks.
public struct TracedRun: Sendable, Equatable {
  public var headers: [TraceHeader]
  /// By rank, in the order of the lines.
  public var records: [[StepTrace]]

  public var ranks: Int { headers.count }

  public init(headers: [TraceHeader], records: [[StepTrace]]) {
    self.headers = headers
    self.records = records
  }

  /// Reads the files of `ranks` ranks; `contents` gives a rank's, nil where there is none. A torn
  /// last line, of a run that was killed, is left out.
  public init(ranks: Int, contents: (Int) -> [UInt8]?) throws(RunFileError) {
    (headers, records) = ([], [])
    for rank in 0..<ranks {
      let name = "trace/rank-\(rank).jsonl of the run on \(NumberFormat.counted(ranks, "rank"))"
      guard let bytes = contents(rank) else {
        throw RunFileError(
          "\(name) is missing; with ranks on several hosts, --keep DIR must lie on a file system that all of them share"
        )
      }
      var lines = bytes.split(separator: UInt8(ascii: "\n"))
      if bytes.last != UInt8(ascii: "\n") { _ = lines.popLast() }
      do {
        let decoder = JSONDecoder()
        headers.append(try decoder.decode(TraceHeader.self, from: Data(lines.first ?? [])))
        records.append(
          try lines.dropFirst().map { try decoder.decode(StepTrace.self, from: Data($0)) })
      } catch {
        throw RunFileError("\(name) is damaged")
      }
    }
  }
}
