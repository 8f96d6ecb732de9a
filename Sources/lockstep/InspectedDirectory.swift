import Files
import FoundationEssentials
import Recording
import Reports
import TensorFiles

/// The tensor files of a run or of a checkpoint, and what is known of both.
struct InspectedDirectory {
  struct File {
    var summary: TensorFileSummary
    /// Whether its SHA-256 is the one in the checkpoint's state.json; nil where no checkpoint names
    /// the file.
    var isAsRecorded: Bool?
  }

  let path: String
  /// The experiment's name; nil for a directory that is no run.
  private(set) var run: String?
  /// The step of the checkpoint that the files belong to; nil for other files.
  private(set) var step: Int?
  /// The steps of the run's checkpoints.
  private(set) var checkpoints: [Int] = []
  private(set) var files: [File] = []

  /// - Throws: when a file cannot be read or breaks a rule of the format.
  init(_ path: String) throws(FileError) {
    self.path = path
    let directory = RunDirectory(path)
    checkpoints = Self.names(in: directory.checkpoints).compactMap {
      $0.hasPrefix("step-") ? Int($0.dropFirst("step-".count)) : nil
    }
    .sorted()
    if FileManager.default.fileExists(atPath: directory.experiment) || !checkpoints.isEmpty {
      run = RunSettings.name(of: directory)
    }
    try read(path)
    if files.isEmpty, let newest = checkpoints.last {
      try read("\(directory.checkpoints)/\(RunDirectory.checkpointName(newest))")
    }
  }

  private mutating func read(_ folder: String) throws(FileError) {
    let state = try? JSONFile.read(State.self, from: folder + "/state.json")
    if let state { step = state.step }
    for name in Self.names(in: folder).filter({ $0.hasSuffix(".safetensors") }).sorted() {
      let summary = try TensorFileSummary(path: "\(folder)/\(name)")
      let recorded =
        [
          "model.safetensors": state?.model, "optimizer.safetensors": state?.optimizer,
          "average.safetensors": state?.average,
        ][name] ?? nil
      files.append(File(summary: summary, isAsRecorded: recorded.map { $0 == summary.sha256 }))
    }
  }

  private static func names(in folder: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  }

  /// What of `state.json` is shown.
  private struct State: Decodable {
    var step: Int
    var model: String?
    var optimizer: String?
    var average: String?

    enum CodingKeys: String, CodingKey {
      case step
      case model = "model_sha256"
      case optimizer = "optimizer_sha256"
      case average = "average_sha256"
    }
  }

  /// The tables that people read.
  func text(_ style: TextStyle) -> String {
    var head: [String] = []
    if let run { head.append("run \(PlainText.sanitized(run, limit: 80))") }
    if let step { head.append("checkpoint of step \(NumberFormat.grouped(step))") }
    if !checkpoints.isEmpty {
      head.append(
        "checkpoints of steps \(checkpoints.map(NumberFormat.grouped).joined(separator: ", "))")
    }
    var text =
      head.isEmpty
      ? ""
      : WrappedText.lines(head.joined(separator: "; "), indent: 0, width: style.width).joined(
        separator: "\n") + "\n"
    for file in files {
      text += "\n\(PlainText.sanitized(file.summary.path))\n\(file.summary.text(style))"
      if let isAsRecorded = file.isAsRecorded {
        text += isAsRecorded ? "as state.json says\n" : "NOT the SHA-256 that state.json says\n"
      }
    }
    return text
  }
}

extension InspectedDirectory: JSONWritable {
  func write(to json: inout JSONText) {
    json.object {
      $0.field("directory", path)
      $0.field("run", run)
      $0.field("step", step)
      $0.key("checkpoints")
      $0.array(checkpoints) { $0.value($1) }
      $0.field("files", files.map(\.summary))
    }
  }
}
