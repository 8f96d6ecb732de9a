import ArgumentParser
import CommandOptions
import ExperimentKeys
import FoundationEssentials
import Recording
import Reports
import Scaling
import ScalingStudy

/// `lockstep scale EXPERIMENT.toml --ranks 1,2,4`: runs at each number of ranks, fits scaling laws
/// and a model of the exchange, and predicts more ranks.
struct ScaleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scale",
    abstract:
      "Measures how an experiment scales with the number of ranks, and predicts larger numbers.",
    discussion: """
      Every point is a run of its own under mpirun; rank counts and repeats take turns in a random order. Strong scaling keeps training.global_batch, weak
      scaling takes it for one rank's. Points with more ranks than cores are flagged and left out of the fits. The exchange alone is timed as well, and a
      model fitted to it predicts steps on other clusters. Amdahl's law is fitted to strong scaling, Gustafson's to weak, the universal law to both; each law
      takes a rank count more than it has numbers. Each rank count is left out once and predicted from the others: past an error of 15 % a fit says not to
      rely on it, past 50 %, or where no exchange can be left out, nothing is predicted. points.csv has a row a run.
      With --cores every number of ranks has the same cores, as threads of its ranks: 4 x 1, 2 x 2, 1 x 4. Nothing is fitted then: the table says which
      is fastest.
      With --target-loss runs go on to their end, and a table says which number of ranks is best in time, in samples and in cost.
      Exit codes: 0 done, 64 bad options or experiment, 65 bad data, 70 a worker failed, 75 stopped (--resume goes on), 78 MPI unusable.

      Examples:
        lockstep scale EXPERIMENT.toml --ranks 1,2
        lockstep scale EXPERIMENT.toml --ranks 1,2 --mode weak --predict 8,64
        lockstep scale EXPERIMENT.toml --ranks 1,2 --target-loss 0.5
        lockstep scale EXPERIMENT.toml --cores 4
      """)

  @Argument(
    help: ArgumentHelp("The experiment file.", valueName: "experiment.toml"),
    completion: .file(extensions: ["toml"]))
  var experiment: String

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Numbers of ranks to measure. Default with --cores: all that divide these.",
      valueName: "1,2,..."))
  var ranks: String?

  @OptionGroup var threads: ThreadsOption

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Compare ranks and threads on so many cores, which each number of ranks divides among its ranks' threads.",
      valueName: "count"))
  var cores: Int?

  @Option(
    help: ArgumentHelp(
      "strong: the same batch over all ranks; weak: the same batch a rank.",
      valueName: "strong|weak"),
    completion: .list(StudyPlan.Mode.allCases.map(\.rawValue)))
  var mode = "strong"

  @Option(help: ArgumentHelp("Runs at each number of ranks.", valueName: "count"))
  var repeats = 3

  @Option(
    help: ArgumentHelp(
      "Steps a run. Default: 200; with --target-loss the experiment's own length.",
      valueName: "count"))
  var steps: Int?

  @Option(
    help: ArgumentHelp(
      "Steps at the beginning of a run whose times do not count.", valueName: "count"))
  var warmUp = 20

  @Option(
    help: ArgumentHelp(
      "Show what it takes to bring the training loss (a mean over 4096 samples) down to this.",
      valueName: "loss"))
  var targetLoss: Double?

  @Option(
    help: ArgumentHelp(
      "How the learning rate follows a batch that grows with the ranks.",
      valueName: "constant|linear|square-root"),
    completion: .list(StudyPlan.RateScaling.allCases.map(\.rawValue)))
  var scaleRate = "constant"

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Numbers of ranks to predict.", valueName: "8,64,..."))
  var predict: String?

  @Option(
    help: ArgumentHelp(
      "For --predict: ranks a host. Default: this machine's cores.", valueName: "count"))
  var ranksPerHost: Int?

  @Option(help: ArgumentHelp("For --predict: a link's latency, such as 20us.", valueName: "time"))
  var latency: String?

  @Option(
    help: ArgumentHelp("For --predict: a link's bandwidth, such as 10Gbit/s.", valueName: "speed"))
  var bandwidth: String?

  @OptionGroup var settings: SettingsOption

  @Option(help: ArgumentHelp("The study's directory. Default: runs/NAME-MODE.", valueName: "dir"))
  var output: String?

  @Option(help: ArgumentHelp("Feeds the order of the points.", valueName: "number"))
  var seed = 1

  @Option(
    help: ArgumentHelp(
      "Open MPI hostfile; then --output must be on a file system that all hosts share.",
      valueName: "file"))
  var hostfile: String?

  @Option(
    help: ArgumentHelp("Hosts and their slots, instead of a hostfile.", valueName: "host:slots,...")
  )
  var hosts: String?

  @OptionGroup var mpirun: MpirunOption

  @Option(
    help: ArgumentHelp(
      "Play a cluster at every point, as lockstep run does, such as latency=20us,bandwidth=10Gbit/s,hosts=4,straggler=2:1.5.",
      valueName: "cluster"))
  var simulate: String?

  @Flag(
    help:
      "Go on with the study in the output directory: points that are there are not run again. More ranks and repeats may be asked for."
  )
  var resume = false

  @OptionGroup var program: WorkerOption

  @Flag(help: "Print the study as JSON, as scale.json has it.")
  var json = false

  @Flag(help: "Replace the study in the output directory.")
  var force = false

  func run() async throws {
    let cluster = try self.cluster()
    let predicted = try predict.map { try WorkerLaunch.rankCounts($0, option: "--predict") } ?? []
    let overrides = try settings.overrides + threads.checkedOverrides()
    let worker = try program.worker()
    let resolved = try await worker.describe(experiment, overrides: overrides)
    let plan = try self.plan(resolved)
    let launch = try await WorkerLaunch(
      worker: worker, experiment: experiment, overrides: overrides, hostfile: hostfile,
      hosts: hosts,
      mpirunArguments: mpirun.arguments)
    let folder = WorkerLaunch.notAnOption(
      output ?? "runs/\(resolved.name)-\(plan.cores == nil ? plan.mode.rawValue : "cores")")
    _ = try WorkerLaunch.simulation(simulate)
    var points = ScalePoints(
      plan: plan, experiment: resolved, launch: launch, folder: folder,
      simulation: simulate.flatMap { try? Simulation($0) })
    let lock = try LockedDirectory(RunDirectory(folder))
    defer { lock.release() }
    try points.claim(resumes: resume, forces: force)
    try await points.requireHosts()
    let counts = try await points.measure()
    let study = Study(
      name: resolved.name, plan: plan, microBatch: resolved.microBatch, counts: counts,
      predicting: predicted, on: cluster)
    do throws(RunFileError) { try StudyDirectory(path: folder).write(study) } catch {
      throw CommandFailure(.workerFailed, PlainText.sanitized(error.description))
    }
    Terminal.output.write(
      json
        ? JSONText(of: study, indented: true).string + "\n"
        : StudyText(study).text + "\n\(folder)/report.html\n")
  }

  private func plan(_ experiment: ExperimentDescription) throws -> StudyPlan {
    func choice<Choice: RawRepresentable & CaseIterable>(_ text: String, _ option: String) throws
      -> Choice
    where Choice.RawValue == String {
      guard let choice = Choice(rawValue: text) else {
        throw CommandFailure(
          .usage,
          "\(option) \(PlainText.sanitized(text, limit: 40)): there are \(Choice.allCases.map(\.rawValue).joined(separator: ", "))"
        )
      }
      return choice
    }
    let counts = try rankCounts()
    guard (1...1000).contains(repeats) else {
      throw CommandFailure(.usage, "--repeats \(repeats): give a number from 1 to 1000")
    }
    guard warmUp >= 1 else {
      throw CommandFailure(
        .usage, "--warm-up \(warmUp): at least the first step is never like the others")
    }
    let length = steps ?? (targetLoss == nil ? 200 : nil)
    if let length, length <= warmUp {
      throw CommandFailure(
        .usage, "--steps \(length): more than the \(warmUp) of --warm-up, which do not count")
    }
    return StudyPlan(
      mode: try choice(mode, "--mode"), ranks: counts,
      threads: cores == nil ? try threadsOfAll(experiment) : nil, cores: cores, repeats: repeats,
      steps: length,
      warmUp: warmUp, targetLoss: targetLoss,
      rate: try choice(scaleRate, "--scale-rate"), seed: seed, experiment: experiment.resolved,
      simulation: simulate)
  }

  /// The numbers of ranks to measure.
  private func rankCounts() throws -> [Int] {
    guard let cores else {
      guard let ranks else {
        throw CommandFailure(
          .usage, "give --ranks 1,2,…, or --cores N to compare ranks and threads on so many cores")
      }
      return try WorkerLaunch.rankCounts(ranks, option: "--ranks")
    }
    guard (1...ThreadCount.most).contains(cores) else {
      throw CommandFailure(
        .usage, "--cores \(cores): give a number from 1 to \(ThreadCount.most)")
    }
    for (isGiven, option, reason) in [
      (threads.text != nil, "--threads", "each number of ranks has as many as the cores allow"),
      (mode != "strong", "--mode \(PlainText.sanitized(mode, limit: 20))", "the batch stays"),
      (predict != nil, "--predict", "nothing is fitted"),
    ] where isGiven {
      throw CommandFailure(.usage, "\(option) does not go with --cores: \(reason)")
    }
    guard let ranks else { return (1...cores).filter { cores % $0 == 0 } }
    let counts = try WorkerLaunch.rankCounts(ranks, option: "--ranks")
    if let uneven = counts.first(where: { cores % $0 != 0 }) {
      throw CommandFailure(
        .usage, "--ranks \(uneven): \(cores) cores do not divide evenly among \(uneven) ranks")
    }
    return counts
  }

  /// The threads of each rank at every number of ranks; nil for 1.
  private func threadsOfAll(_ experiment: ExperimentDescription) throws -> Int? {
    guard let number = experiment.threads.number else {
      throw CommandFailure(
        .usage,
        "training.threads = auto: each number of ranks would have all cores; give --threads 1, or --cores N to compare ranks and threads"
      )
    }
    return number == 1 ? nil : number
  }

  private func cluster() throws -> Study.Cluster {
    var assumptions: [String] = []
    func given<Value>(_ value: Value?, _ fallback: Value, _ words: String) -> Value {
      if let value { return value }
      assumptions.append(words)
      return fallback
    }
    let time = try latency.map { text in
      guard let seconds = Link.seconds(text) else {
        throw CommandFailure(
          .usage, "--latency \(PlainText.sanitized(text, limit: 40)): wanted a time such as 20us")
      }
      return seconds
    }
    let speed = try bandwidth.map { text in
      guard let speed = Link.bytesPerSecond(text), speed > 0 else {
        throw CommandFailure(
          .usage,
          "--bandwidth \(PlainText.sanitized(text, limit: 40)): wanted a speed such as 10Gbit/s")
      }
      return speed
    }
    if let ranksPerHost, !(1...65536).contains(ranksPerHost) {
      throw CommandFailure(
        .usage, "--ranks-per-host \(ranksPerHost): give a number from 1 to 65536")
    }
    let cores = WorkerLaunch.coresHere
    return Study.Cluster(
      ranksPerHost: given(ranksPerHost, cores, "\(cores) ranks a host, as this one has cores"),
      latency: given(time, 20e-6, "20 µs"),
      bandwidth: given(speed, 1.25e9, "10 Gbit/s"), assumptions: assumptions)
  }
}
