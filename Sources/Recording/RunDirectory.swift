import Glibc

/// The names of the files in a run directory.
public struct RunDirectory: Sendable, Equatable {
  public let path: String

  public init(_ path: String) { self.path = path }

  /// The last part of the path.
  public var lastPart: String { path.split(separator: "/").last.map(String.init) ?? path }

  public var experiment: String { path + "/experiment.toml" }
  public var environment: String { path + "/environment.json" }
  public var metrics: String { path + "/metrics.jsonl" }
  public var ranks: String { path + "/ranks.jsonl" }
  public var evaluations: String { path + "/evaluations.jsonl" }
  public var bestWeights: String { path + "/best.safetensors" }
  public var averageWeights: String { path + "/average.safetensors" }
  public var finalWeights: String { path + "/final.safetensors" }
  public var report: String { path + "/report.json" }
  public var page: String { path + "/report.html" }
  public var checkpoints: String { path + "/checkpoints" }
  public var logs: String { path + "/logs" }
  public var mpirunLog: String { logs + "/mpirun.log" }
  public var incidents: String { path + "/incidents.jsonl" }
  public var stalls: String { path + "/stalls" }
  public var traces: String { path + "/trace" }
  public func trace(ofRank rank: Int) -> String { "\(traces)/rank-\(rank).jsonl" }
  public func log(ofRank rank: Int) -> String { "\(logs)/rank-\(rank).log" }

  /// Whether the directory holds anything of a run.
  ///
  /// Logs alone do not count: a run that failed before its first file may be started again in the
  /// same place. Nor do its lock and unfinished files.
  public var isTaken: Bool { (try? state())?.isTaken ?? true }

  /// Whether a run has ended here with a report.
  public var holdsReport: Bool { access(report, F_OK) == 0 }

  /// Where to read on: the page, where there is one, else the directory.
  public var placeToRead: String { access(page, F_OK) == 0 ? page : path }

  public var exists: Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The name of a step's checkpoint.
  public static func checkpointName(_ step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  /// The newest step among `checkpoints/step-XXXXXXXX`, whose content has not been verified yet.
  public var newestCheckpoint: Int? { (try? checkpointSteps())?.last }

  /// Makes a directory and its parents, readable by their owner's group and others as the umask
  /// allows.
  public static func make(_ path: String) throws(RunFileError) {
    var status = stat()
    if stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR { return }
    if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
      try make(String(path[..<slash]))
    }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw RunFileError(path: path, cannot: "make this directory", code: errno)
    }
  }

  /// The names of the files in a directory that TensorBoard reads.
  public static func eventFiles(in path: String) -> [String] {
    entries(of: path).filter { $0.hasPrefix(EventFile.prefix) }
  }

  /// What a directory holds; nothing where it cannot be listed.
  static func entries(of path: String) -> [String] {
    (try? list(path)) ?? []
  }
}
