import Foundation

/// The end of a process that a test started: its status, and its standard output and error.
public struct Outcome: Sendable {
  public let status: Int32
  public let output: String
  public let errors: String
  public let seconds: Double

  public init(status: Int32, output: String, errors: String, seconds: Double) {
    (self.status, self.output, self.errors, self.seconds) = (status, output, errors, seconds)
  }
}

/// The programs in the build folder of the test bundle.
public enum Programs {
  public static var directory: URL {
    // The tests run from a bundle, or a runner, in the build folder; the programs are there too.
    let candidates = [
      Bundle.main.bundleURL, Bundle.main.executableURL?.deletingLastPathComponent(),
    ].compactMap { $0 }
    let arguments = CommandLine.arguments.map { URL(filePath: $0).deletingLastPathComponent() }
    for folder in candidates + arguments {
      if FileManager.default.isExecutableFile(atPath: folder.appending(path: "rank-programs").path)
      {
        return folder
      }
    }
    fatalError("rank-programs is in none of \((candidates + arguments).map(\.path))")
  }

  public static func path(_ name: String) -> String { directory.appending(path: name).path }

  /// Builds a package of `Launch/examples` as its user would, in this checkout's build folder, and
  /// returns the program's path.
  ///
  /// What is compiled of the example itself is made anew: an incremental build may keep it where the
  /// library's interface has changed, and cannot be linked then.
  public static func example(_ name: String, options: [String] = []) throws -> String {
    let package = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../Launch/examples/\(name)"
    ).standardizedFileURL.path
    let scratch = directory.deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: name).path
    try? FileManager.default.removeItem(
      atPath: "\(scratch)/debug/\(name.replacing("-", with: "_")).build")
    let built = try run(
      "/usr/bin/env",
      ["swift", "build"] + options + ["--package-path", package, "--scratch-path", scratch],
      limit: 900)
    guard built.status == 0 else { throw BuildFailure(description: built.output + built.errors) }
    return "\(scratch)/debug/\(name)"
  }

  private struct BuildFailure: Error, CustomStringConvertible { let description: String }

  /// Runs one of `rank-programs` on some ranks under mpirun, on any number of cores.
  ///
  /// A program that tests several rank counts is started once, on the largest, and splits its world.
  public static func mpirun(
    _ ranks: Int, _ arguments: [String], program: String = "rank-programs",
    environment: [String: String] = [:], limit: Double = TestMPI.patience,
    mpirunArguments: [String] = []
  ) throws -> Outcome {
    try startMpirun(
      ranks, arguments, program: program, environment: environment,
      mpirunArguments: mpirunArguments
    ).finish(limit: limit)
  }

  /// Starts what `mpirun` runs.
  public static func startMpirun(
    _ ranks: Int, _ arguments: [String], program: String = "rank-programs",
    environment: [String: String] = [:], mpirunArguments: [String] = []
  ) throws -> RunningProgram {
    try RunningProgram(
      "/usr/bin/env", TestMPI.command(ranks) + mpirunArguments + [path(program)] + arguments,
      environment: environment)
  }

  /// Runs a program to its end, or kills it after `limit` seconds.
  public static func run(
    _ executable: String, _ arguments: [String], environment: [String: String] = [:],
    directory: String? = nil, limit: Double = 120
  ) throws -> Outcome {
    try RunningProgram(executable, arguments, environment: environment, directory: directory)
      .finish(limit: limit)
  }
}
