import ArgumentParser
import CommandOptions
import Configuration
import ExperimentKeys
import Files
import Glibc
import Processes
import Recording
import Reports

/// Why a task of one process, such as `WORKER --sample`, ends without having done what was asked:
/// one line on standard error and an exit code.
struct TaskFailure: Error {
  var code: Reports.ExitCode
  var line: String

  init(_ code: Reports.ExitCode, _ line: String) {
    (self.code, self.line) = (code, PlainText.sanitized(line))
  }

  func end() -> Never {
    writeAll(Array("lockstep: \(line)\n".utf8), to: STDERR_FILENO)
    exit(code.rawValue)
  }
}

/// Runs a task of one process by its options, and ends the process: what it cannot do is one line
/// and an exit code.
func endProcess<Options: ParsableArguments>(
  afterTaskWith arguments: [String], _ task: (Options) throws -> Void
) -> Never {
  do {
    try task(Options.parse(arguments))
    exit(Reports.ExitCode.done.rawValue)
  } catch let failure as TaskFailure {
    failure.end()
  } catch {
    TaskFailure(.usage, Options.message(for: error)).end()
  }
}

extension ThreadsOption {
  /// The threads of a process that is alone on its machine: without the option one.
  var numberOfOneProcess: Int { (count ?? .fixed(1)).number ?? AllowedCores.count() }
}

extension TrainedModel {
  /// Reads trained weights; whatever is wrong with them is bad data.
  static func read(
    _ path: String, _ registry: Registry, choice: WeightsChoice = .newest
  ) throws -> TrainedModel {
    do {
      return try TrainedModel(path: path, choice: choice, registry: registry)
    } catch let error as FileError {
      throw TaskFailure(.data, error.description)
    } catch let error as ExperimentError {
      throw TaskFailure(.data, error.description)
    }
  }
}

/// Writes all bytes; a reader that has left ends the process.
func writeAll(_ bytes: [UInt8], to descriptor: Int32 = STDOUT_FILENO) {
  var done = 0
  while done < bytes.count {
    let count = bytes.withUnsafeBytes {
      Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done)
    }
    guard count > 0 || errno == EINTR else { exit(Reports.ExitCode.done.rawValue) }
    done += max(count, 0)
  }
}
