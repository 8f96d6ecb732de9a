import FoundationEssentials
import Reports

extension RunDirectory {
  /// Makes the directory, or refuses one that holds a run already.
  func claim(mayHoldRun: Bool) throws {
    if isTaken && !mayHoldRun {
      throw RunFailure(.usage, "\(path) holds a run already: --resume continues it, --force replaces it, --output DIR runs elsewhere")
    }
    try RunDirectory.make(path)
    guard exists else { throw RunFailure(.usage, "\(path) is no directory: --output DIR names another place") }
  }

  /// Removes what a run wrote, so that nothing of it is taken for the next one's.
  func removeRecords() {
    for old in [checkpoints, report, page, metrics, ranks, traces, path + "/final.safetensors"]
      + RunDirectory.eventFiles(in: path).map({ "\(path)/\($0)" })
    {
      try? FileManager.default.removeItem(atPath: old)
    }
  }
}
