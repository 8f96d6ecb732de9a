import Files
import Glibc
import Recording
import TensorFiles

// The best weights so far, as a checkpoint keeps them: a run that resumes from it has them again,
// though they were replaced by those of a step that it forgets.
extension Checkpoints {
  private static let name = "best.safetensors"
  private var bestWeights: String { RunDirectory(run).bestWeights }

  /// Puts the run's `best.safetensors` into a checkpoint's folder: another name for the same file
  /// where the file system has such, which takes no time and no room.
  func keepBest(_ best: EvaluationHistory.BestFile?, in path: String) throws {
    guard best?.sha256 != nil, access(bestWeights, F_OK) == 0 else { return }
    try Self.link(bestWeights, to: "\(path)/\(Self.name)")
  }

  /// Sees to it that `best.safetensors` is the file that the checkpoint of a step knows, or that
  /// there is none. Only for the rank that writes. Returns a line where the file is lost.
  func restoreBest(_ best: EvaluationHistory.BestFile?, after step: Int) throws -> String? {
    guard let best, let digest = best.sha256 else {
      // Of a step that the run has forgotten.
      if unlink(bestWeights) != 0 && errno != ENOENT {
        throw FileError(bestWeights, "cannot be removed: \(systemMessage())")
      }
      return nil
    }
    if (try? SHA256.digest(ofFile: bestWeights)) == digest { return nil }
    let kept = "\(directory)/\(RunDirectory.checkpointName(step))/\(Self.name)"
    guard (try? SHA256.digest(ofFile: kept)) == digest else {
      return
        "\(bestWeights) was of step \(best.step) and is lost: neither it nor \(kept) is the file that was written"
    }
    try Self.link(kept, to: bestWeights)
    return nil
  }

  /// Gives a file, which nothing writes into, a further name in place of what has that name.
  private static func link(_ source: String, to target: String) throws {
    let folder = target[...(target.lastIndex(of: "/") ?? target.startIndex)]
    let temporary = "\(folder).tmp-best-\(LockRecord.newRun())"
    defer { unlink(temporary) }
    if Glibc.link(source, temporary) == 0, rename(temporary, target) == 0 { return }
    var file = try DurableFile(path: target)
    let content = try InputFile(source)
    var (place, bytes) = (0, [UInt8](repeating: 0, count: 1 << 20))
    while place < content.byteCount {
      let count = min(bytes.count, content.byteCount - place)
      if count < bytes.count { bytes.removeLast(bytes.count - count) }
      try content.fill(&bytes, at: place)
      try file.write(bytes.span.bytes)
      place += count
    }
    try file.publish()
  }
}
