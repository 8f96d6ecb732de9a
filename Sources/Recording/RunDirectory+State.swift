import Glibc

/// What a run directory holds, as far as a start there depends on it.
public struct RunDirectoryState: Sendable, Equatable {
  /// Steps of `checkpoints/step-XXXXXXXX`, ascending; whether they can be read is not known yet.
  public var checkpoints: [Int] = []
  /// Whether `checkpoints/` is there, which gets its name together with the first checkpoint in it.
  public var hasCheckpointFolder = false
  /// Files and folders of steps that were trained, which belong together: they are replaced, or set
  /// aside, as one.
  public var records: [String] = []
  /// `report.json`: the run has ended.
  public var hasReport = false
  /// `final.safetensors`.
  public var hasWeights = false
  /// `experiment.toml` or `environment.json`, which a run has from its start on.
  public var hasStartFiles = false
  /// Anything that is no run's.
  public var hasOthers = false

  public init() {}

  /// Whether there is anything that a new run would write over.
  public var isTaken: Bool {
    hasCheckpointFolder || !records.isEmpty || hasReport || hasWeights || hasStartFiles || hasOthers
  }
}

extension RunDirectory {
  /// What the directory holds now; of none, nothing.
  ///
  /// - Throws: where anything cannot be looked at. What is not known to be missing counts as there:
  ///   a start must not write over it.
  public func state() throws(RunFileError) -> RunDirectoryState {
    var state = RunDirectoryState()
    for name in try Self.list(path) ?? [] {
      switch name {
      case "logs", "lock": continue
      case "experiment.toml", "environment.json": state.hasStartFiles = true
      case _ where name.hasPrefix(".tmp-") || Self.isInterrupted(name): continue
      case "checkpoints":
        let names = try Self.list(checkpoints) ?? []
        state.checkpoints = Self.steps(names)
        // A version before this one made the folder first: unfinished files alone are of a run
        // killed in its first checkpoint.
        state.hasCheckpointFolder = names.isEmpty || names.contains { !$0.hasPrefix(".tmp-") }
      case "report.json": state.hasReport = true
      case "final.safetensors": state.hasWeights = true
      case _ where Self.isRecord(name):
        if try Self.holdsAnything("\(path)/\(name)") { state.records.append(name) }
      default: state.hasOthers = true
      }
    }
    return state
  }

  /// The steps of checkpoints, ascending.
  /// - Throws: where the folder is there and cannot be listed.
  public func checkpointSteps() throws(RunFileError) -> [Int] {
    Self.steps(try Self.list(checkpoints) ?? [])
  }

  /// Everything that a start before the first checkpoint leaves, which `interrupted-N` takes.
  public static let startFiles = ["experiment.toml", "environment.json"]

  /// `interrupted-N`, N counted from 1: where records of a start that never reached a checkpoint
  /// go.
  public func interrupted(_ number: Int) -> String { "\(path)/interrupted-\(number)" }

  static func isInterrupted(_ name: String) -> Bool { name.hasPrefix("interrupted-") }

  private static func isRecord(_ name: String) -> Bool {
    [
      "metrics.jsonl", "ranks.jsonl", "evaluations.jsonl", "incidents.jsonl", "report.html",
      "trace", "stalls", "best.safetensors",
      "average.safetensors",
    ].contains(name) || name.hasPrefix(EventFile.prefix)
  }

  /// An empty file is no record yet, and a link to something else is the user's.
  private static func holdsAnything(_ path: String) throws(RunFileError) -> Bool {
    var status = Glibc.stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return false }
      throw RunFileError(path: path, cannot: "look at it", code: errno)
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return status.st_size > 0
    case S_IFDIR: return true
    default: return false
    }
  }

  private static func steps(_ names: [String]) -> [Int] {
    names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst("step-".count)) : nil }.sorted()
  }

  /// The names in a directory; nil where there is none. Any other error is one: a directory that
  /// cannot be listed is not an empty one.
  public static func list(_ path: String) throws(RunFileError) -> [String]? {
    guard let stream = opendir(path) else {
      if errno == ENOENT { return nil }
      throw RunFileError(path: path, cannot: "list this directory", code: errno)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        guard errno == 0 else {
          throw RunFileError(path: path, cannot: "list this directory", code: errno)
        }
        return names
      }
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
  }
}
