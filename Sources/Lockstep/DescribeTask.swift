import ArgumentParser
import Configuration
import ExperimentKeys
import Glibc
import Recording
import Reports

/// `WORKER --describe [EXPERIMENT.toml] [--set key=value]…`: what the coordinator asks a worker before
/// it starts ranks. One line of JSON; MPI is not initialised.
enum DescribeTask {
  /// Prints an ``Reports/ExperimentDescription``, or a ``Reports/WorkerRefusal`` with its code as the
  /// exit code. Without a file it describes an experiment of defaults.
  static func run(_ arguments: [String], _ registry: Registry) -> Never {
    let code: Int32
    let line: JSONText
    do throws(WorkerRefusal) {
      line = JSONText(of: try description(arguments, registry))
      code = ExitCode.done.rawValue
    } catch {
      line = JSONText(of: error)
      code = error.code
    }
    print(line.string)
    exit(code)
  }

  private static func description(_ arguments: [String], _ registry: Registry)
    throws(WorkerRefusal) -> ExperimentDescription
  {
    let options: Options
    do { options = try Options.parse(arguments) } catch {
      throw WorkerRefusal(.usage, Options.message(for: error))
    }
    let experiment: Experiment
    do throws(ExperimentError) {
      experiment =
        if let file = options.experiment {
          try Experiment(contentsOf: file, overrides: options.overrides, registry: registry)
        } else {
          try Experiment(
            text: "", source: "defaults", overrides: options.overrides, registry: registry)
        }
    } catch {
      throw WorkerRefusal(.usage, error.description)
    }
    return try experiment.description()
  }

  private struct Options: ParsableArguments {
    @Argument var experiment: String?
    @Option(name: .customLong("set"), parsing: .unconditionalSingleValue)
    var overrides: [String] = []
  }
}
