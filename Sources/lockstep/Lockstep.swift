import ArgumentParser
import Files
import Glibc
import Processes
import Recording
import Reports
import Vectors

/// The program: one command, which a signal may cancel.
///
/// The main thread waits here, with signals blocked. An asynchronous `main` would leave it to
/// Dispatch, which opens that thread to all signals.
@main
enum Program {
  static func main() {
    Leftovers.removeDead()
    let command = Task.detached { await Lockstep.perform() }
    Task.detached {
      await StopControl.shared.listen(cancelling: command)
      var code = await command.value
      if let interruption = await StopControl.shared.interruption, code != interruption.rawValue {
        Terminal.error.write("lockstep: \(StopControl.interruptionText(interruption))\n")
        code = interruption.rawValue
      }
      await StopControl.shared.tidy()
      Glibc.exit(code)
    }
    while true { pause() }
  }
}

/// The coordinator's command line. It starts MPI ranks and is never one.
struct Lockstep: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lockstep",
    abstract: "Trains models data-parallel over MPI, with gradient norms first.",
    discussion: """
      Exit codes of every command: 0 done (whatever the verdict), 64 bad options or experiment, 65 bad data or checkpoint, 70 a worker failed, 75 stopped by
      a signal after a checkpoint, 78 MPI is missing or unusable. Errors are one line on standard error.
      """,
    version: Release.version,
    subcommands: [
      RunCommand.self, ReportCommand.self, VerifyCommand.self, BenchCommand.self, ScaleCommand.self,
      CriticalBatchCommand.self, InspectCommand.self, KeysCommand.self, InitCommand.self,
      EvaluateCommand.self, PredictCommand.self, SampleCommand.self, SamplesCommand.self,
      GalleryCommand.self, DoctorCommand.self,
    ])

  /// Every error is one line on standard error and an exit code of the contract.
  static func perform() async -> Int32 {
    do {
      if let problem = argumentNotUTF8() {
        throw CommandFailure(.usage, PlainText.sanitized(problem))
      }
      if let failure = CommandNames.failure(Array(CommandLine.arguments.dropFirst())) {
        throw failure
      }
      var command = try parseAsRoot()
      if let mistake = KernelInstructions.limitMistake { throw CommandFailure(.usage, mistake) }
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      return Reports.ExitCode.done.rawValue
    } catch let failure as CommandFailure {
      // What a command says that a signal has cancelled is of no use to anybody.
      if !failure.line.isEmpty, !Task.isCancelled {
        Terminal.error.write("lockstep: \(failure.line)\n")
      }
      return failure.code.rawValue
    } catch {
      // Help, version and completion scripts come as errors too.
      if exitCode(for: error).isSuccess { exit(withError: error) }
      if Task.isCancelled { return Reports.ExitCode.workerFailed.rawValue }
      let words = message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
      let help = CommandNames.help(Array(CommandLine.arguments.dropFirst()))
      Terminal.error.write("lockstep: \(PlainText.sanitized(words)) (see lockstep \(help))\n")
      return Reports.ExitCode.usage.rawValue
    }
  }
}

/// Why a command ends without having done what was asked: one line and an exit code.
struct CommandFailure: Error {
  var code: Reports.ExitCode
  /// Empty when everything has been said.
  var line: String

  init(_ code: Reports.ExitCode, _ line: String) {
    self.code = code
    self.line = line
  }
}
