import Processes
import Recording
import Reports
import Scaling

/// The result of `lockstep doctor`: as tables for people, as one JSON object for programs.
public struct DoctorReport: Sendable {
  public var records: [HostRecord]
  /// Nil where problems kept the measurement from being made.
  public var diagnosis: DiagnosisRecord?
  /// What has to be mended before anything can run.
  public var problems: [String]
  public var findings: [DoctorAdvice.Finding]
  /// What started the ranks.
  public var mpirun: MPILauncher?

  public init(
    records: [HostRecord], diagnosis: DiagnosisRecord?, problems: [String],
    findings: [DoctorAdvice.Finding], mpirun: MPILauncher? = nil
  ) {
    self.mpirun = mpirun
    self.records = records
    self.diagnosis = diagnosis
    self.problems = problems
    self.findings = findings
  }

  public var text: String {
    let launcher = mpirun.map { "; \($0.path) of \($0.name)" } ?? ""
    var blocks = [(records.first?.mpi ?? "") + launcher, table(hosts)]
    if let diagnosis {
      blocks.append(table(ranks(diagnosis)))
      blocks.append(table(reductions(diagnosis)))
    }
    blocks.append(verdict)
    return blocks.filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
  }

  // MARK: Tables

  private var hosts: [[String]] {
    [
      [
        "host", "CPU", "kernels", "oneDNN", "OpenBLAS", "products", "cores", "NUMA", "memory",
        "free", "/dev/shm",
      ]
    ]
      + records.map {
        [
          PlainText.sanitized($0.host, limit: 40), PlainText.sanitized($0.cpu, limit: 40),
          $0.instructions?.kernels ?? "–",
          $0.instructions?.onednn ?? "–", $0.instructions?.openblas ?? "–",
          $0.instructions?.products ?? "–", String($0.cores),
          $0.numaNodes.map(String.init) ?? "–", gibibytes($0.memory),
          gibibytes($0.freeMemory),
          gibibytes($0.freeSharedMemory),
        ]
      }
  }

  private func ranks(_ diagnosis: DiagnosisRecord) -> [[String]] {
    [["rank", "host", "processors", "cores", "OMP threads", "clock ms", "GFLOP/s"]]
      + diagnosis.ranks.map {
        [
          String($0.rank), PlainText.sanitized($0.host, limit: 40), $0.processors,
          coresOfRank($0, diagnosis).map(String.init) ?? "–",
          $0.threads ?? "–", NumberFormat.formatted($0.clockOffsetMs),
          NumberFormat.formatted($0.gemmGflops),
        ]
      }
  }

  /// The cores that each rank of a machine could have for threads of its own.
  private func coresOfRank(_ rank: DiagnosisRecord.Rank, _ diagnosis: DiagnosisRecord) -> Int? {
    records.first { $0.machine == rank.machine }.map { record in
      CoreDivision(
        [
          CoreDivision.Host(
            cores: record.cores, numaNodes: record.numaNodes ?? 1,
            cacheDomains: record.cacheDomains ?? 1)
        ], ranks: diagnosis.ranks.count { $0.machine == rank.machine }, threads: nil
      ).threads
    }
  }

  private func reductions(_ diagnosis: DiagnosisRecord) -> [[String]] {
    [["allreduce", "µs", "MB/s a link"]]
      + diagnosis.reductions.map {
        [
          bytes($0.bytes), NumberFormat.formatted($0.microseconds),
          NumberFormat.formatted($0.linkMegabytesPerSecond(ranks: diagnosis.ranks.count)),
        ]
      }
  }

  /// The first two columns are words in tables of hosts; numbers stand right.
  private func table(_ rows: [[String]]) -> String {
    guard rows.count > 1 else { return "" }
    return TextColumns.lines(rows) { column in
      ["host", "CPU", "kernels", "oneDNN", "processors", "allreduce"].contains(rows[0][column])
    }.joined(
      separator: "\n")
  }

  private var verdict: String {
    if problems.isEmpty && findings.isEmpty { return "nothing is misconfigured" }
    return
      (problems.map { "problem: \(PlainText.sanitized($0))" }
      + findings.map { "advice: \(PlainText.sanitized($0.line))" }).joined(
        separator: "\n")
  }

  private func gibibytes(_ bytes: Int?) -> String {
    bytes.map { "\(NumberFormat.formatted(Double($0) / Double(1 << 30))) GiB" } ?? "–"
  }

  private func bytes(_ count: Int) -> String {
    if count >= 1 << 20 { return "\(count >> 20) MiB" }
    return count >= 1 << 10 ? "\(count >> 10) KiB" : "\(count) B"
  }
}

extension DoctorReport: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("mpirun", mpirun?.path)
      $0.field("mpirun_version", mpirun?.name.description)
      $0.field("hosts", records)
      $0.field("measured", diagnosis)
      $0.field("problems", problems)
      $0.key("advice")
      $0.array(findings) { json, finding in
        json.object {
          $0.field("what", finding.what)
          $0.field("remedy", finding.remedy)
        }
      }
    }
  }
}
