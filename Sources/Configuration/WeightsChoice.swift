import Files
import FoundationEssentials
import Recording

/// Which of a run directory's weights are meant.
public enum WeightsChoice: Sendable, Equatable {
  /// The final ones or, where there are none yet, those of the newest checkpoint.
  case newest
  case final
  /// Those with the lowest loss on the rows held out.
  case best
  /// The running mean.
  case average
  case file(String)

  /// As a command line names them: a word, or a file's path.
  public init(_ text: String) {
    switch text {
    case "final": self = .final
    case "best": self = .best
    case "average": self = .average
    default: self = .file(text)
    }
  }

  /// The weights file of a run directory, a checkpoint directory, or of what is a file already.
  /// - Throws: where a run has no such weights.
  package func weightsFile(at path: String) throws(FileError) -> String {
    let directory = RunDirectory(path)
    let name: String
    switch self {
    case .file(let file): return file
    case .newest: return directory.exists ? Self.newest(in: directory) : path
    case .final: name = directory.finalWeights
    case .best: name = directory.bestWeights
    case .average: name = directory.averageWeights
    }
    guard FileManager.default.fileExists(atPath: name) else {
      let remedy =
        switch self {
        case .best: "evaluation.best writes the best weights of a run"
        case .average: "evaluation.average writes the mean of the weights at a run's end"
        default: "they are written at a run's end; without --weights the newest checkpoint is taken"
        }
      throw FileError(name, "there is no such file", remedy: remedy)
    }
    return name
  }

  private static func newest(in directory: RunDirectory) -> String {
    let newest = directory.newestCheckpoint.map {
      "\(directory.checkpoints)/\(RunDirectory.checkpointName($0))/model.safetensors"
    }
    let candidates =
      [directory.path + "/model.safetensors", directory.finalWeights] + (newest.map { [$0] } ?? [])
    return candidates.first { FileManager.default.fileExists(atPath: $0) } ?? directory.finalWeights
  }
}
