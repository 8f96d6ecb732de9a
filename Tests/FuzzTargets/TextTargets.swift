import Configuration
import ExperimentKeys
import GradientNorms
import Launching
import Recording
import Reports
import Training

/// Texts: experiment files, hostfiles, a checkpoint's state, the output of workers, and the records
/// of a run.
extension FuzzTarget {
  /// A document, and an override of it by its first line.
  static let toml = FuzzTarget("toml") { bytes in
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    let line = String(text.prefix { $0 != "\n" })
    guard var keys = try? ExperimentReader(text: text, source: "x.toml", overrides: []) else {
      return
    }
    _ = try? ExperimentReader(text: text, source: "x.toml", overrides: [line])
    try? keys.enter("a")
    _ = try? keys.tables("b", "a list") { keys throws(ExperimentError) in
      try keys.integer("c", default: 1, in: 0...9, "a digit")
    }
    _ = try? keys.finish()
  }

  /// An experiment, whose resolved form must read back as itself.
  static let experiment = FuzzTarget("experiment") { bytes in
    guard let text = String(validating: bytes, as: UTF8.self),
      let experiment = try? Experiment(text: text, source: "/x.toml", overrides: [])
    else { return }
    do {
      let again = try Experiment(text: experiment.resolved, source: "/y.toml", overrides: [])
      guard again.resolved == experiment.resolved else {
        fatalError("resolved differently:\n\(experiment.resolved)\n\(again.resolved)")
      }
    } catch {
      fatalError("\(error)\n\(experiment.resolved)")
    }
  }

  static let hostfile = FuzzTarget("hostfile") { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    for hosts in [try? Hostfile(path: "hosts", text: text), try? Hostfile(list: text)] {
      guard let hosts else { continue }
      _ = hosts.slots
      _ = hosts.inMappingOrder { $0.count == 1 }.shares(of: 100) { $0.count }
    }
  }

  /// A checkpoint's state with a new digest, since a digest is no protection against a forged
  /// state.
  static let state = FuzzTarget("state") { bytes in
    _ = CheckpointState(text: bytes)
    guard let state = CheckpointState(text: CheckpointState.sealed(bytes)) else { return }
    _ = state.impossibility(
      sampleCount: state.sampleCount, tensors: 4, clip: .ema(ratio: 1.1, memory: 0.9))
  }

  /// The output of a worker: events on standard output, messages of the worker and of mpirun on
  /// standard error.
  static let events = FuzzTarget("events") { bytes in
    var (lines, reader, progress) = (
      LineSplitter(limit: WorkerEvent.lineLimit), MpirunOutputParser(), [String]()
    )
    for line in lines.add(bytes) + [lines.finish() ?? []] {
      _ = reader.read(String(decoding: line, as: UTF8.self))
      guard let event = WorkerEvent(line: line) else { continue }
      switch event {
      case .progress(let step): progress.append(ProgressText.line(step))
      case .report(let report): progress.append(ReportText(report, name: "x", place: "x").text)
      case .message(_, let text): progress.append(PlainText.sanitized(text))
      default: break
      }
    }
    _ = RootCause(ending: .exited(1), faults: reader, step: 1, directory: nil)
  }

  /// A run's records, as the page shows them.
  static let metrics = FuzzTarget("metrics") { bytes in
    let (metrics, report) = InputFiles.shared.split(bytes, "metrics.jsonl", "report.json")
    guard metrics.hasSuffix("metrics.jsonl"), report.hasSuffix("report.json") else { return }
    let records = RunRecords(RunDirectory(InputFiles.shared.directory))
    _ = RunPage(records).html
    if let report = records.report { _ = ReportText(report, name: "x", place: "x").text }
  }
}
