import ArgumentParser
import Benchmark
import CProcess
import CommandOptions
import Configuration
import ExperimentKeys
import Files
import Glibc
import MPI
import Models
import Processes
import Recording
import Reports
import Scaling
import StallWatch
import Training
import Vectors

/// The command line of one rank of a training run.
struct WorkerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lockstep-worker",
    abstract:
      "Trains as one MPI rank; `mpirun -n N lockstep-worker EXPERIMENT.toml` is a whole run.",
    discussion: """
      Every rank runs this same command. Rank 0 prints the progress and writes the run directory. `lockstep run` starts it for you.
      Signals, to any rank: USR1 writes a checkpoint at the next step boundary; USR2, TERM, INT and HUP write one and stop (exit code 75), or, but for
      USR2, end the job at once where no step was made (128 + the signal's number). A second one does not wait for the checkpoint (70).
      Exit codes: 0 done, 64 usage or a bad experiment file, 65 bad data or checkpoint, 70 a worker failed, 75 stopped after a checkpoint.
      """,
    version: Release.version)

  @Argument(help: "The experiment file (TOML).", completion: .file(extensions: ["toml"]))
  var experiment: String

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Override a key of the experiment file.", valueName: "key.path=value"))
  var overrides: [String] = []

  @Option(help: ArgumentHelp("The run directory (default: runs/NAME).", valueName: "dir"))
  var output: String?

  @Flag(
    help:
      "Continue from the newest checkpoint in the run directory, or start if none was reached yet. A finished run is left as it is."
  )
  var resume = false

  @Flag(help: "Replace what the run directory holds.")
  var force = false

  @OptionGroup var threads: ThreadsOption

  @Option(
    help: ArgumentHelp(
      "How long a stop waits for its checkpoint, before it ends without.", valueName: "seconds"))
  var grace = 30.0

  @Flag(help: "Print events as JSON lines, for a coordinator.")
  var events = false

  @Option(
    help: ArgumentHelp(
      "Play a cluster: exchanges take as long as between so many hosts, over such links; stragglers compute longer. "
        + "Such as latency=20us,bandwidth=10Gbit/s,hosts=4,straggler=2:1.5, of which any part may be left out.",
      valueName: "cluster"))
  var simulate: String?

  @Option(
    help: ArgumentHelp(
      "Report a rank that the others wait for after so many seconds, 0 for never.", valueName: "s"))
  var stallWarn = StallWatch.Options().warn

  @Option(
    help: ArgumentHelp(
      "End the run after so many seconds of it (exit code 70), 0 for never.", valueName: "s"))
  var stallAbort = StallWatch.Options().abort

  @Option(help: .hidden)
  var restarts = 0

  // The id under which the coordinator holds the run directory's lock.
  @Option(name: .customLong("run-id"), help: .hidden)
  var runID: String?

  // For `lockstep critical-batch`: training ends after as many samples as so many steps have, or
  // after a part of its length, as the schedules of the whole length have it.
  @Option(help: .hidden)
  var until: String?

  // For `lockstep verify`: each rank notes each stage of each step in DIR/trace/rank-R.jsonl.
  @Flag(help: .hidden)
  var trace = false

  // For `lockstep verify` and `lockstep gallery`: a fault that is put in.
  @Option(help: .hidden)
  var inject: String?

  // For `lockstep bench`: the experiment is a workload's name, of which so many steps are timed;
  // the trace goes to a file.
  @Option(help: .hidden)
  var benchSteps: Int?

  @Option(help: .hidden)
  var benchTrace: String?

  // For `lockstep scale`: times the exchange alone, for so many seconds a size in bytes; one line
  // of JSON.
  @Option(help: .hidden)
  var exchangeSeconds: Double?

  @Option(help: .hidden)
  var exchangeSizes: String?

  // For `Launch/bench --products`: times the libraries of matrix products instead, a line of JSON a
  // shape; no MPI.
  @Flag(help: .hidden)
  var benchProducts = false

  // For the checks before a run on several hosts: prints what this host is and has, without MPI;
  // the experiment is only a name.
  @Flag(help: .hidden)
  var probe = false

  @Option(name: .customLong("probe-file"), parsing: .unconditionalSingleValue, help: .hidden)
  var probedFiles: [String] = []

  @Option(name: .customLong("probe-token"), help: .hidden)
  var probeToken: String?

  @Option(name: .customLong("probe-launcher"), help: .hidden)
  var probeLauncher: String?

  // For `lockstep doctor`: measures the machine instead of training.
  @Flag(help: .hidden)
  var diagnose = false

  // For `lockstep evaluate`: the experiment's place is taken by a run directory or a weights file.
  @Flag(help: .hidden)
  var evaluate = false

  @Option(help: .hidden)
  var weights: String?

  // For `lockstep samples`: the same, and the table of training samples goes to a file.
  @Option(name: .customLong("samples"), help: .hidden)
  var samplesTable: String?

  @Option(help: .hidden)
  var top = 10

  /// Reads the command line and does what it says.
  static func run(_ arguments: [String], _ registry: Registry) -> Never {
    do {
      var command = try parseAsRoot(arguments)
      if let worker = command as? WorkerCommand { worker.run(registry) }
      try command.run()
      exit()
    } catch {
      exit(withError: error)
    }
  }

  func validate() throws {
    if let mistake = KernelInstructions.limitMistake { throw ValidationError(mistake) }
    if let problem = argumentNotUTF8() { throw ValidationError(PlainText.sanitized(problem)) }
    for (name, seconds) in [("--stall-warn", stallWarn), ("--stall-abort", stallAbort)] {
      if let mistake = StallWatch.Options.mistake(name, seconds) { throw ValidationError(mistake) }
    }
    let sizes = exchangeSizes?.split(separator: ",").map { Int($0) ?? -1 } ?? []
    if let wrong = sizes.first(where: { $0 != 0 && !(64...(1 << 33)).contains($0) }) {
      throw ValidationError(
        "--exchange-sizes: \(wrong) is no size in bytes from 64 to 8 GiB, or 0 for the model's")
    }
    if let benchSteps, benchSteps < 1 || Workload.named(experiment) == nil {
      throw ValidationError(
        "--bench-steps \(benchSteps) \(experiment): wanted a number of steps and a workload's name")
    }
    if !(grace >= 0 && grace <= 86400) {
      throw ValidationError("--grace \(grace): give seconds from 0 to 86400")
    }
    if let mistake = threads.mistake { throw ValidationError(PlainText.sanitized(mistake)) }
    if let simulate {
      do throws(Simulation.Mistake) { _ = try Simulation(simulate) } catch {
        throw ValidationError("--simulate: \(error)")
      }
    }
    if let until, RunEnd(until) == nil {
      throw ValidationError("--until \(until): wanted a number of steps, or a part such as 0.5")
    }
    if let inject, InjectedFault(inject) == nil {
      throw ValidationError("--inject \(inject): wanted \(InjectedFault.form)")
    }
  }

  private func run(_ registry: Registry) -> Never {
    StopSignals.listen(grace: grace)
    if probe {
      print(
        JSONText(
          of: HostRecord.here(
            data: probedFiles, output: output, token: probeToken, launcher: probeLauncher)
        ).string)
      Glibc.exit(0)
    }
    if benchProducts {
      for line in ProductTimings() { print(line.string) }
      Glibc.exit(0)
    }
    // A launcher that is killed before MPI is up leaves nothing that would end this rank.
    _ = cprocess_die_with_parent()
    // Before MPI has threads.
    if let note = StallWatch.begin(
      StallWatch.Options(warn: stallWarn, abort: stallAbort, printsEvents: events))
    {
      let line = Array("note: \(note)\n".utf8)
      _ = write(STDERR_FILENO, line, line.count)
    }
    Leftovers.removeDead()
    let leftovers = Leftovers.ofRank()
    StopSignals.atEnd { leftovers?.remove() }
    /// As `withMPI`; an error ends the process there and then.
    func withRanks<Result>(_ body: (borrowing Communicator) throws -> Result) -> Result {
      withMPI { world in
        do {
          try StallWatch.link(on: world)
          return try body(world)
        } catch {
          leftovers?.remove()
          throw error
        }
      }
    }
    func end(_ code: Reports.ExitCode = .done) -> Never {
      leftovers?.remove()
      Glibc.exit(code.rawValue)
    }
    if benchSteps != nil || diagnose || exchangeSeconds != nil || evaluate
      || samplesTable != nil
    {
      StopSignals.began(.measuring)
    }
    if let benchSteps, let workload = Workload.named(experiment) {
      withRanks { world in
        let threads = try RankThreads(self.threads.count ?? .fixed(1), on: world)
        let run = try TimedRun(
          workload, steps: benchSteps, threads: threads.number, profiles: benchTrace != nil,
          on: world)
        if let result = try run.measure(tracingTo: benchTrace, on: world) {
          print(JSONText(of: result).string)
        }
      }
      end()
    }
    if diagnose {
      withRanks { world in
        if let record = try diagnosis(on: world) { print(JSONText(of: record).string) }
      }
      end()
    }
    if evaluate {
      withRanks { world in
        setComputeThreads(try RankThreads(threads.count ?? .fixed(1), on: world).number)
        let evaluation = try TrainedEvaluation(
          path: experiment, weights: weights.map { WeightsChoice($0) } ?? .newest,
          overrides: overrides, registry: registry, on: world)
        let result = try evaluation.result(on: world)
        if world.rank == 0 { report(JSONText(of: result), notes: evaluation.notes) }
      }
      end()
    }
    if let samplesTable {
      withRanks { world in
        setComputeThreads(try RankThreads(threads.count ?? .fixed(1), on: world).number)
        let samples = try TrainedSamples(
          path: experiment, weights: weights.map { WeightsChoice($0) } ?? .newest,
          overrides: overrides, registry: registry, on: world)
        if let result = try samples.result(listing: top, table: samplesTable, on: world) {
          report(JSONText(of: result), notes: samples.notes)
        }
      }
      end()
    }
    let options = RunOptions(
      experiment: experiment, overrides: overrides + threads.overrides, output: output,
      resume: resume, force: force, voice: events ? .events : .lines,
      runID: runID, restarts: restarts, traces: trace,
      simulation: simulate.flatMap { try? Simulation($0) }, end: until.flatMap { RunEnd($0) },
      fault: inject.flatMap { InjectedFault($0) }, registry: registry)
    if let exchangeSeconds {
      let sizes = exchangeSizes?.split(separator: ",").compactMap { Int($0) } ?? [0]
      withRanks { world in
        if let times = try ExchangeTimer(options, budget: exchangeSeconds, on: world).measure(
          sizes, on: world)
        {
          print(JSONText(of: times).string)
        }
      }
      end()
    }
    end(withRanks { world in try Run(options, on: world).train(on: world) })
  }

  /// Prints a result for the coordinator, and notes for people.
  private func report(_ result: JSONText, notes: [String]) {
    let lines = notes.map { "note: \(PlainText.sanitized($0))\n" }.joined()
    writeAll(Array(lines.utf8), to: STDERR_FILENO)
    print(result.string)
  }
}
