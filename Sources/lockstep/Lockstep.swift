import ArgumentParser
import Files
import Glibc
import Reports
import Vectors

/// The coordinator's command line. It starts MPI ranks and is never one.
@main
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
      RunCommand.self, ReportCommand.self, VerifyCommand.self, BenchCommand.self, ScaleCommand.self, InspectCommand.self,
      SampleCommand.self,
      GalleryCommand.self, DoctorCommand.self,
    ])

  /// Runs the command; every error is one line on standard error and an exit code of the contract.
  static func main() async {
    do {
      if let problem = argumentNotUTF8() { throw CommandFailure(.usage, PlainText.line(problem)) }
      if let failure = CommandNames.failure(Array(CommandLine.arguments.dropFirst())) { throw failure }
      var command = try parseAsRoot()
      if let mistake = KernelInstructions.limitMistake { throw CommandFailure(.usage, mistake) }
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let failure as CommandFailure {
      if !failure.line.isEmpty { Screen.error.write("lockstep: \(failure.line)\n") }
      Glibc.exit(failure.code.rawValue)
    } catch {
      // Help, version and completion scripts come as errors too.
      if exitCode(for: error).isSuccess { exit(withError: error) }
      let words = message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
      let help = CommandNames.help(Array(CommandLine.arguments.dropFirst()))
      Screen.error.write("lockstep: \(PlainText.line(words)) (see lockstep \(help))\n")
      Glibc.exit(Reports.ExitCode.usage.rawValue)
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
