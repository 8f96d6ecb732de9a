import ArgumentParser
import CommandOptions
import Configuration
import Data
import ExperimentKeys
import Files
import Glibc
import Models
import Recording
import Reports

/// `WORKER --predict WEIGHTS --input FILE --output FILE …`: what a trained model says of rows.
/// `lockstep predict` becomes this process, since only the worker knows all kinds of model.
enum PredictTask {
  static func run(_ arguments: [String], _ registry: Registry) -> Never {
    endProcess(afterTaskWith: arguments) { try predict($0, registry) }
  }

  private static func predict(_ options: PredictOptions, _ registry: Registry) throws {
    if let mistake = options.mistake { throw TaskFailure(.usage, mistake) }
    guard let format = PredictionFile.format(of: options.output) else {
      throw TaskFailure(
        .usage, "--output \(options.output): give a file whose name ends in .csv or .npy")
    }
    if !options.force && access(options.output, F_OK) == 0 {
      throw TaskFailure(
        .usage,
        "\(options.output) is there already: --force replaces it, --output FILE names another"
      )
    }
    setComputeThreads(options.threads.numberOfOneProcess)
    let choice = options.weights.map { WeightsChoice($0) } ?? .newest
    let trained = try TrainedModel.read(options.path, registry, choice: choice)
    guard let predictor = Predictor(trained) else {
      throw TaskFailure(
        .usage,
        "\(trained.path): this model predicts nothing of a row; that takes one that was trained on rows with labels or targets"
      )
    }
    let rows = try open(options.input, for: trained)
    let file: PredictionFile
    do { file = try PredictionFile(path: options.output, format: format, for: predictor) } catch {
      throw TaskFailure(.usage, error.description)
    }
    do {
      try predictor.predict(rows, of: options.input) { block in
        try endIfAsked(output: options.output)
        do { try file.append(block) } catch {
          throw TaskFailure(.workerFailed, "\(error)")
        }
      }
    } catch let error as FileError {
      throw TaskFailure(.data, error.description)
    }
    do { try file.finish() } catch {
      throw TaskFailure(.workerFailed, "\(error)")
    }
    report(file, by: trained, asJSON: options.json)
  }

  private static func open(_ path: String, for trained: TrainedModel) throws -> any InputRows {
    do {
      return try openInputRows(path, for: trained.inputs)
    } catch let error as UnfitInput {
      throw TaskFailure(.usage, error.description)
    } catch let error as FileError {
      throw TaskFailure(.data, error.description)
    }
  }

  /// Heeds a signal, which is blocked meanwhile: the unfinished file is removed.
  private static func endIfAsked(output: String) throws {
    var asked = sigset_t()
    sigemptyset(&asked)
    for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&asked, signal) }
    var now = timespec()
    let signal = sigtimedwait(&asked, nil, &now)
    guard signal > 0 else { return }
    throw TaskFailure(
      Reports.ExitCode(rawValue: 128 + signal) ?? .workerFailed,
      "ended by a signal: \(output) was not written")
  }

  private static func report(_ file: PredictionFile, by trained: TrainedModel, asJSON: Bool) {
    if asJSON {
      var json = JSONText()
      json.object {
        $0.field("output", file.path)
        $0.field("rows", file.rowCount)
        $0.field("incomplete", file.incompleteCount)
        $0.field("columns", file.columns)
        $0.field("weights", trained.path)
      }
      return writeAll(Array((json.string + "\n").utf8))
    }
    let lack =
      file.incompleteCount > 0
      ? ", of which \(NumberFormat.grouped(file.incompleteCount)) lack a value and have none" : ""
    writeAll(
      Array(
        "\(file.path): predictions of \(NumberFormat.counted(file.rowCount, "row"))\(lack), by \(trained.path)\n"
          .utf8))
  }
}
