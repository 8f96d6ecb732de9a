import ExperimentKeys
import Files
import Launching
import Processes
import Recording
import Reports
import Scaling

/// How this command line's workers are started, whatever the command and the number of ranks.
struct WorkerLaunch: Sendable {
  private let experiment: String
  private let overrides: [String]
  let mpirun: MPILauncher
  private let worker: WorkerProgram
  let hosts: Hostfile?
  private let mpirunArguments: [String]
  private let environment = Installation.environment()
  private let machine = Machine.current()

  /// - Throws: a failure in one line where the hostfile is bad, or a program that it takes is
  ///   missing.
  init(
    worker: WorkerProgram, experiment: String, overrides: [String], hostfile: String?,
    hosts list: String? = nil, mpirunArguments: [String]
  ) async throws {
    self.worker = worker
    self.experiment = experiment
    self.overrides = overrides
    self.mpirunArguments = mpirunArguments
    guard hostfile == nil || list == nil else {
      throw CommandFailure(.usage, "--hosts and --hostfile name the same thing: give one of them")
    }
    let named = try hostfile.map(Self.readHostfile) ?? list.map(Self.readHosts)
    let mpirun = try await MPIInstallation.launcher(of: worker)
    if mpirun.dialect == .hydra, let host = named?.hosts.first(where: { $0.user != nil }) {
      throw CommandFailure(
        .usage,
        "\(host.address): \(mpirun.name)'s mpirun takes no user's name with a host; set User in ~/.ssh/config"
      )
    }
    self.mpirun = mpirun
    hosts = try named.map {
      let ordered =
        mpirun.dialect == .openMPI4 ? $0 : $0.inMappingOrder(isOwn: LocalHostNames().contains)
      return mpirun.dialect == .hydra ? ordered : try Self.readableByMpirun(ordered)
    }
  }

  /// The line that starts a run's workers in a directory; `options` are for the worker.
  func line(
    _ division: CoreDivision, directory: RunDirectory, overrides more: [String] = [],
    options: [String] = [],
    binds: Bool = false
  ) -> MpirunCommand {
    var arguments = [Self.notAnOption(experiment), "--events", "--output", directory.path]
    for override in overrides + more { arguments += ["--set", override] }
    return line(division, workerArguments: arguments + options, binds: binds)
  }

  /// The line that starts workers that time a workload, the experiment's place being taken
  /// by its name.
  func benchLine(_ division: CoreDivision, options: [String]) -> MpirunCommand {
    line(division, workerArguments: [experiment] + options, binds: true)
  }

  /// The line that starts workers that time the experiment's exchange.
  func exchangeLine(_ division: CoreDivision, overrides more: [String], options: [String])
    -> MpirunCommand
  {
    var arguments = [Self.notAnOption(experiment)]
    for override in overrides + more { arguments += ["--set", override] }
    return line(division, workerArguments: arguments + options, binds: true)
  }

  /// The line that starts workers that do something with trained weights, such as `--evaluate`, the
  /// experiment's place being taken by where they are.
  func weightsLine(_ task: [String], _ division: CoreDivision) -> MpirunCommand {
    var arguments = task
    for override in overrides { arguments += ["--set", override] }
    return line(
      division, workerArguments: arguments + [Self.notAnOption(experiment)], binds: false)
  }

  /// With `binds` each rank stays on a core of its own where there is one for each: times of ranks
  /// that wander say little.
  private func line(_ division: CoreDivision, workerArguments: [String], binds: Bool)
    -> MpirunCommand
  {
    var line = MpirunCommand(
      setpriv: Installation.program("setpriv"), mpirun: mpirun, worker: worker.path,
      workerArguments: workerArguments, ranks: division.ranks,
      machine: machine, hostfile: hosts, extra: mpirunArguments, inherited: environment)
    (line.threads, line.reason) = (division.threads, division.reason)
    line.bindsToCores = binds
    return line
  }

  /// Cores of this machine that ranks may use.
  static var coresHere: Int { Machine.current().cores }

  /// The line that starts `ranks` workers that measure the machine, under the conditions of a
  /// training run.
  func diagnosisLine(ranks: Int) -> MpirunCommand {
    line(
      CoreDivision(ranks: ranks, threads: 1), workerArguments: ["doctor", "--diagnose"],
      binds: false)
  }

  /// This machine's own record, where no hosts were named.
  func surveyHere(_ line: MpirunCommand) async throws -> HostCheck {
    try await survey(line, data: [], output: nil).check(
      Hostfile(list: "localhost:\(line.ranks)"), own: LocalHostNames())
  }

  /// Asks every host, where some were named, whether it can take part, and notes in the line what
  /// it learned of their cores: by these, what `request` leaves open is chosen again.
  func survey(
    _ line: inout MpirunCommand, _ request: RankRequest? = nil, data: [String], output: String?
  ) async throws -> HostCheck? {
    let own = LocalHostNames()
    guard let hosts = hosts?.inMappingOrder(isOwn: { own.contains($0) }) else { return nil }
    let check = try await survey(line, data: data, output: output).check(hosts, own: own)
    if check.records.count == hosts.hosts.count {
      if let request, request.isOpen {
        let places = zip(CoreDivision.Host.all(check.records), hosts.hosts).map { place, host in
          var place = place
          place.slots = host.slots
          return place
        }
        let division = request.division(of: places)
        (line.ranks, line.threads, line.reason) = (
          division.ranks, division.threads, division.reason
        )
      }
      line.take(check.records, of: hosts)
    }
    return check
  }

  private func survey(_ line: MpirunCommand, data: [String], output: String?) -> HostSurvey {
    HostSurvey(
      worker: line.worker, mpirun: mpirun,
      shell: RemoteShell(
        mpirunArguments: mpirunArguments, environment: environment, program: Installation.program),
      environment: environment,
      variables: line.exported.compactMap { name in
        environment[name].map { (name: name, value: $0) }
      }, data: data, output: output)
  }

  /// The same for a run: each problem is one line, and ends the command.
  func requireHosts(
    _ line: inout MpirunCommand, _ request: RankRequest? = nil, data: [String], output: String
  ) async throws -> [String] {
    guard let check = try await survey(&line, request, data: data, output: output) else {
      return []
    }
    try Task.checkCancellation()
    guard let last = check.problems.last else { return check.notes }
    for problem in check.problems.dropLast() {
      Terminal.error.write("lockstep: \(PlainText.sanitized(problem.line))\n")
    }
    throw CommandFailure(check.code, PlainText.sanitized(last.line))
  }

  /// The ranks and threads of a request, as far as this machine knows the hosts.
  func division(_ request: RankRequest) -> CoreDivision {
    if let threads = request.threads.number {
      let ranks =
        request.ranks
        ?? MpirunCommand.automaticRanks(
          machine: machine, hostfile: hosts, threads: threads, environment: environment)
      return CoreDivision(ranks: ranks, threads: threads)
    }
    if let hosts {
      return request.division(
        of: hosts.hosts.map {
          CoreDivision.Host(cores: $0.slots ?? machine.cores, slots: $0.slots)
        })
    }
    guard let allocation = SlurmAllocation(environment) else {
      return request.division(
        of: [
          CoreDivision.Host(
            cores: machine.cores, numaNodes: machine.numaNodes,
            cacheDomains: machine.cacheDomains)
        ])
    }
    // Slurm was asked for so many tasks.
    var request = request
    request.ranks = request.ranks ?? allocation.tasks
    return request.division(of: allocation.hosts(like: machine))
  }

  /// Different numbers of ranks, in order.
  static func rankCounts(_ text: String, option: String) throws -> [Int] {
    let words = text.split(separator: ",", omittingEmptySubsequences: false)
    let counts = words.compactMap { Int($0) }.filter { (1...65536).contains($0) }
    guard counts.count == words.count else {
      throw CommandFailure(
        .usage,
        "\(option) \(PlainText.sanitized(text, limit: 60)): wanted numbers from 1 to 65536, such as 1,2,3,4"
      )
    }
    return Set(counts).sorted()
  }

  /// The worker's options for a cluster that is to be played.
  static func simulation(_ text: String?) throws -> [String] {
    guard let text else { return [] }
    do throws(Simulation.Mistake) { _ = try Simulation(text) } catch {
      throw CommandFailure(.usage, "--simulate: \(PlainText.sanitized(error.description))")
    }
    return ["--simulate", text]
  }

  private static func readHostfile(_ path: String) throws -> Hostfile {
    guard let text = SmallFiles.text(path) else {
      throw CommandFailure(.usage, "\(path): cannot read this hostfile")
    }
    do throws(LaunchError) {
      return try Hostfile(path: notAnOption(path), text: text)
    } catch {
      throw CommandFailure(.usage, PlainText.sanitized(error.description))
    }
  }

  /// The same hosts in a file of this program's, where mpirun would not understand what was given.
  private static func readableByMpirun(_ hosts: Hostfile) throws -> Hostfile {
    guard let text = hosts.ownText else { return hosts }
    guard let path = Leftovers()?.write("hosts", text) else {
      throw CommandFailure(
        .mpiUnusable,
        "a hostfile that mpirun understands cannot be written to /dev/shm: give one with plain line ends"
      )
    }
    return hosts.written(to: path)
  }

  private static func readHosts(_ list: String) throws -> Hostfile {
    do throws(LaunchError) {
      return try Hostfile(list: list)
    } catch {
      throw CommandFailure(.usage, PlainText.sanitized(error.description))
    }
  }

  /// A path that starts with a hyphen, written so that no program takes it for an option.
  static func notAnOption(_ path: String) -> String { path.hasPrefix("-") ? "./" + path : path }
}
