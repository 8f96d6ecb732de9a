import Data
import ExperimentKeys
import Files
import MPI
import Recording
import Reports
import TensorFiles

/// An error that ends a run, with its exit code.
struct RunFailure: JobFailure, CustomStringConvertible {
  let code: ExitCode
  let description: String

  init(_ code: ExitCode, _ description: String) {
    self.code = code
    self.description = description
  }

  var exitStatus: Int32 { code.rawValue }
}

/// Writes files of the run. A disk that is full is a failed worker: the data and checkpoints there
/// are may be all right.
public func recording<Result>(_ body: () throws -> Result) throws -> Result {
  do { return try body() } catch let error as FileError {
    throw RunFailure(.workerFailed, "\(error)")
  }
}

// Which exit code an error of another room stands for.
extension ExperimentError: JobFailure { public var exitStatus: Int32 { ExitCode.usage.rawValue } }
extension FileError: JobFailure { public var exitStatus: Int32 { ExitCode.data.rawValue } }
extension LockFailure: JobFailure {
  public var exitStatus: Int32 {
    switch self {
    case .held, .lost: ExitCode.usage.rawValue
    case .failed: ExitCode.workerFailed.rawValue
    }
  }
}
extension RunFileError: JobFailure {
  public var exitStatus: Int32 { ExitCode.workerFailed.rawValue }
}
