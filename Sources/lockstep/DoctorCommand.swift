import ArgumentParser
import Launching
import Recording
import Reports
import Scaling

/// `lockstep doctor`: what this machine or cluster can do, what is misconfigured, and how to mend
/// it.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract:
      "Shows what this machine or cluster can do, what is misconfigured and how to mend it.",
    discussion: """
      Asks each host for its build, MPI, cores and memory; then starts ranks as a training run would, and measures sums over all ranks by size,
      matrix products on all ranks at once, and clocks. "kernels" and "oneDNN" are the instructions that Lockstep's own loops and oneDNN use of the CPU, "OpenBLAS" its version and kernels, "products" the kind of CPU in the table by which each matrix product's library is chosen; the
      environment variables LOCKSTEP_MAX_CPU (avx512, avx2, baseline) and ONEDNN_MAX_CPU_ISA limit them. A link's MB/s are the bytes that a rank must send at least, over the time.
      Exit codes: 0 fine, or only advice; 64 bad options, 70 a rank failed, 78 MPI or a host is unusable.

      Examples:
        lockstep doctor
        lockstep doctor --hosts node1:8,node2:8 --json
      """)

  @Option(
    name: [.customShort("n"), .customLong("np"), .customLong("np", withSingleDash: true)],
    parsing: .unconditional,
    help: ArgumentHelp("Number of ranks, or auto.", valueName: "ranks"))
  var ranks = "auto"

  @OptionGroup var hostfile: HostfileOption

  @Option(
    help: ArgumentHelp("Hosts and their slots, instead of a hostfile.", valueName: "host:slots,...")
  )
  var hosts: String?

  @OptionGroup var mpirun: MpirunOption

  @Flag(help: "Print one line of JSON.")
  var json = false

  func run() async throws {
    let launch = try await WorkerLaunch(
      worker: try WorkerProgram(nil), experiment: "doctor", overrides: [], hostfile: hostfile.path,
      hosts: hosts,
      mpirunArguments: mpirun.arguments)
    var line = launch.diagnosisLine(
      ranks: launch.division(try RankRequest(ranks: ranks)).ranks)
    let named = try await launch.survey(&line, data: [], output: nil)
    let check = if let named { named } else { try await launch.surveyHere(line) }
    let problems = check.problems.map(\.line)
    let diagnosis = problems.isEmpty ? try await line.result(of: DiagnosisRecord.self) : nil
    let advice = diagnosis.map { DoctorAdvice($0, records: check.records).findings } ?? []
    let report = DoctorReport(
      records: check.records, diagnosis: diagnosis, problems: problems, findings: advice,
      mpirun: launch.mpirun)
    Terminal.output.write(json ? JSONText(of: report).string + "\n" : report.text)
    if !problems.isEmpty { throw CommandFailure(.mpiUnusable, "") }
  }
}
