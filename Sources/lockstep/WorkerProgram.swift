import ArgumentParser
import ExperimentKeys
import FoundationEssentials
import Glibc
import Launching
import Recording
import Reports

/// The option by which a command takes a worker of the user's own.
struct WorkerOption: ParsableArguments {
  @Option(
    name: .customLong("worker"),
    help: ArgumentHelp(
      "A worker that registers kinds of its own, instead of the lockstep-worker next to lockstep.",
      valueName: "program"),
    completion: .file())
  var path: String?

  /// The program, which has to be there.
  func worker() throws -> WorkerProgram { try WorkerProgram(path) }
}

/// The program that is started as each rank, and asked by itself what an experiment means.
struct WorkerProgram: Sendable {
  /// Absolute: ranks on other hosts look for it there.
  let path: String

  /// - Throws: where there is no such program.
  init(_ given: String?) throws {
    guard let given else {
      path = Installation.worker
      guard Installation.isExecutable(path) else {
        throw CommandFailure(
          .mpiUnusable,
          "\(path) is missing: it has to lie beside lockstep; build it with swift build -c release")
      }
      return
    }
    path =
      given.hasPrefix("/") ? given : FileManager.default.currentDirectoryPath + "/" + given
    guard Installation.isExecutable(path) else {
      throw CommandFailure(
        .usage,
        "--worker \(PlainText.sanitized(given, limit: 200)): no program there that can be run; give the path of one that calls LockstepWorker.main"
      )
    }
  }

  /// What the worker makes of an experiment file and its overrides; its error is the command's.
  func describe(_ experiment: String, overrides: [String]) async throws -> ExperimentDescription {
    var arguments = ["--describe", WorkerLaunch.notAnOption(experiment)]
    for override in overrides { arguments += ["--set", override] }
    return try await answer(arguments)
  }

  /// Every key that the worker reads from experiment files.
  func keys() async throws -> [KeyDeclaration] {
    let list: KeyList = try await answer(["--keys"])
    return list.keys
  }

  /// The one line of JSON that the worker prints for `arguments`, without MPI.
  func answer<Answer: Decodable>(_ arguments: [String]) async throws -> Answer {
    let said: ChildProcess.Answer
    do {
      said = try await ChildProcess.answer(to: [path] + arguments, limit: 1 << 24)
    } catch {
      throw CommandFailure(.mpiUnusable, "\(path) cannot be started: run Launch/setup")
    }
    try Task.checkCancellation()
    let decoder = JSONDecoder()
    let line = said.output.split(separator: "\n").last { $0.hasPrefix("{") } ?? ""
    if let refusal = try? decoder.decode(WorkerRefusal.self, from: Data(line.utf8)) {
      throw CommandFailure(
        Reports.ExitCode(rawValue: refusal.code) ?? .workerFailed,
        PlainText.sanitized(refusal.error))
    }
    if let answer = try? decoder.decode(Answer.self, from: Data(line.utf8)) { return answer }
    // The dynamic linker ends a program with 127 where a library is missing.
    let words = PlainText.sanitized(
      said.errors.split(separator: "\n").last.map(String.init) ?? "\(said.ending)", limit: 300)
    if said.ending == .exited(127) {
      throw CommandFailure(.mpiUnusable, "\(path) does not start: \(words); run Launch/setup")
    }
    throw CommandFailure(
      .workerFailed,
      "\(path) did not say what the experiment means: \(words); a worker calls LockstepWorker.main first"
    )
  }

  /// Replaces this process by the worker.
  func become(_ arguments: [String]) throws -> Never {
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
    execv(path, &words)
    throw CommandFailure(.mpiUnusable, "\(path) cannot be started: run Launch/setup")
  }
}
