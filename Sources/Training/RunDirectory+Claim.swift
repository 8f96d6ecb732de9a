import Files
import FoundationEssentials
import Reports

extension RunDirectory {
  /// Makes the directory and takes its lock, or the coordinator's; refuses one that holds a run already.
  func claim(_ options: RunOptions, say: Speaker) throws -> RunLock {
    try RunDirectory.make(path)
    guard exists else { throw RunFailure(.usage, "\(path) is no directory: --output DIR names another place") }
    func waiting(_ text: String) { say.event(.message(level: .note, text: text)) }
    let lock = try options.runID.map { try RunLock.join(path, run: $0, waiting: waiting) } ?? RunLock.acquire(path, waiting: waiting)
    if isTaken && !(options.resume || options.force) {
      throw RunFailure(.usage, "\(path) holds a run already: --resume continues it, --force replaces it, --output DIR runs elsewhere")
    }
    return lock
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
