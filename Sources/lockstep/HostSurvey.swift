import Files
import FoundationEssentials
import Glibc
import Launching
import Recording
import Reports

/// Asks every host of a job, all at the same time, what it is and has.
struct HostSurvey {
  let worker: String
  let mpirun: MPILauncher
  let shell: RemoteShell?
  let environment: [String: String]
  /// Variables that the workers will have.
  let variables: [(name: String, value: String)]
  /// The files that the experiment reads on every host.
  let data: [String]
  /// The run directory; nil where nothing is to be run.
  let output: String?

  /// Seconds until a host that says nothing counts as down.
  private static let patience = 8

  /// Starts the worker's probe on each host and compares the answers.
  ///
  /// `hosts` are in mapping order.
  /// - Throws: where this machine's own worker gives no answer.
  func check(_ hosts: Hostfile, own: LocalHostNames) async throws -> HostCheck {
    let token = output.flatMap(makeToken)
    defer { token?.remove() }
    guard case .record(let here, _, _) = await ask(nil, token: token?.path) else {
      throw CommandFailure(
        .mpiUnusable, "\(worker) does not start on this machine: run Launch/setup")
    }
    let names = hosts.hosts.map(\.name)
    guard shell != nil || names.allSatisfy(own.contains) else {
      throw CommandFailure(
        .mpiUnusable,
        "neither ssh nor rsh is on the PATH, and mpirun needs one to reach other hosts: apt-get install openssh-client"
      )
    }
    if let program = shell?.command.first, !names.allSatisfy(own.contains),
      !Installation.isExecutable(program)
    {
      throw CommandFailure(
        .mpiUnusable,
        "\(program), which is to reach other hosts (plm_rsh_agent), is no program that can be run")
    }
    let answers = await withTaskGroup(of: (Int, HostCheck.Answer).self) { group in
      for (index, host) in hosts.hosts.enumerated() {
        group.addTask {
          (index, await ask(own.contains(host.name) ? nil : host.address, token: token?.path))
        }
      }
      var answers = [HostCheck.Answer?](repeating: nil, count: names.count)
      for await (index, answer) in group { answers[index] = answer }
      return zip(names, answers).map { (host: $0, answer: $1!) }
    }
    let isRelative = (data + (output.map { [$0] } ?? [])).contains { !$0.hasPrefix("/") }
    return HostCheck(
      answers,
      wanted: HostCheck.Wanted(
        here: here, shell: shell?.name ?? "ssh", mpirun: mpirun, output: output,
        needsDirectory: isRelative))
  }

  // MARK: One host

  /// Asks a host, or this machine where it is nil.
  private func ask(_ host: String?, token: String?) async -> HostCheck.Answer {
    var probe = [worker, "probe", "--probe", "--probe-launcher", mpirun.daemon]
    for file in data { probe += ["--probe-file", file] }
    if let output { probe += ["--output", output] }
    if let token { probe += ["--probe-token", token] }
    let directory = FileManager.default.currentDirectoryPath
    var command = probe
    if let host, let shell {
      command = shell.line(host: host, directory: directory, variables: variables, probe)
    }
    let asked = Self.now()
    return await withTaskGroup(of: HostCheck.Answer?.self) { [command] group in
      group.addTask { await answer(to: command, isRemote: host != nil, asked: asked) }
      group.addTask {
        try? await Task.sleep(for: .seconds(Self.patience))
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first ?? .late(seconds: Self.patience)
    }
  }

  private func answer(to command: [String], isRemote: Bool, asked: Double) async -> HostCheck.Answer
  {
    do {
      let said = try await ChildProcess.answer(
        to: command, environment: environment, limit: 1 << 20)
      let answered = Self.now()
      for line in said.output.split(separator: "\n") where line.hasPrefix("{") {
        if let record = try? JSONDecoder().decode(HostRecord.self, from: Data(line.utf8)),
          impossibleCount(in: record) == nil
        {
          return .record(record, asked: asked, answered: answered)
        }
      }
      let last = said.errors.split(separator: "\n").map(String.init).last { !$0.isEmpty }
      let words = PlainText.sanitized(
        last ?? "it ended without a word (\(said.ending))", limit: 200)
      // ssh and rsh end with 255 where they failed themselves; everything else is the remote
      // command's own end.
      return isRemote && said.ending == .exited(255)
        ? .unreachable(words) : .silent(words)
    } catch {
      return .unreachable(PlainText.sanitized("\(error)", limit: 200))
    }
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  // MARK: The run directory

  /// A file in the run directory, by which a host sees whether it shares it.
  private struct Token {
    let path: String
    /// The directories that were made for it.
    let made: [String]

    func remove() {
      unlink(path)
      for directory in made.reversed() { rmdir(directory) }
    }
  }

  private func makeToken(in output: String) -> Token? {
    var missing: [String] = []
    var place = output + "/logs"
    while access(place, F_OK) != 0, !place.isEmpty, place != "/" {
      missing.insert(place, at: 0)
      guard let slash = place.lastIndex(of: "/") else { break }
      place = String(place[..<slash])
    }
    let path = "\(output)/logs/.host-check-\(UUID().uuidString)"
    guard (try? RunDirectory.make(output + "/logs")) != nil,
      FileManager.default.createFile(atPath: path, contents: nil)
    else { return nil }
    return Token(path: path, made: missing)
  }
}
