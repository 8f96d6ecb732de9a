import Foundation
import Launching
import Recording
import Reports
import Testing

/// The diagnosis of machines with one mistake each in their setup.
struct DoctorTests {
  private func host(
    _ name: String, machine: String? = nil, cores: Int = 4, shared: Int? = 1 << 30,
    cpu: String = "Zen"
  ) -> HostRecord {
    HostRecord(
      host: name, machine: machine ?? name, worker: "/opt/lockstep-worker", workerSHA256: "a",
      mpi: "Open MPI v4.1.4", hasLauncher: true,
      directory: "/", data: [], outputProblem: nil, sharesOutput: true, time: 0, cores: cores,
      cpu: cpu, memory: 8 << 30,
      freeMemory: 6 << 30,
      freeSharedMemory: shared)
  }

  private func rank(
    _ rank: Int, _ host: String, machine: String? = nil, processors: String = "0-3",
    threads: String? = "1", speed: Double = 100,
    clock: Double? = nil
  ) -> DiagnosisRecord.Rank {
    .init(
      rank: rank, host: host, machine: machine ?? host, processors: processors, threads: threads,
      gemmGflops: speed, clockOffsetMs: clock)
  }

  private func findings(
    _ ranks: [DiagnosisRecord.Rank], _ hosts: [HostRecord], transports: String? = nil,
    yields: Bool = false
  ) -> [String] {
    let diagnosis = DiagnosisRecord(
      mpi: "Open MPI v4.1.4", ranks: ranks,
      reductions: [.init(bytes: 1 << 20, microseconds: 500, repetitions: 9)],
      transports: transports,
      yields: yields)
    return DoctorAdvice(diagnosis, records: hosts).findings.map(\.line)
  }

  @Test func aMachineThatIsSetUpWellGetsNoAdvice() {
    #expect(findings((0..<4).map { rank($0, "a") }, [host("a")]).isEmpty)
    #expect(
      findings(
        [rank(0, "a", processors: "0"), rank(1, "b", processors: "0", clock: 3)],
        [host("a"), host("b")]
      ).isEmpty)
    #expect(
      findings([rank(0, "a"), rank(1, "a")], [host("a")], transports: "vader,self,tcp").isEmpty)
    #expect(
      findings([rank(0, "a"), rank(1, "b")], [host("a"), host("b")], transports: "tcp,self")
        .isEmpty, "one rank a host needs no vader")
  }

  @Test func tooManyRanksAreAdvisedWithAndWithoutYielding() {
    let crowd = (0..<5).map { rank($0, "a") }
    #expect(
      findings(crowd, [host("a")], yields: true).map { $0.prefix(25) } == [
        "a: 5 ranks share 4 cores:"
      ])
    #expect(
      findings(crowd, [host("a")]).contains {
        $0.contains("do not yield") && $0.contains("mpi_yield_when_idle 1")
      })
    // Hosts on one machine are counted together.
    let two = findings(
      (0..<6).map { rank($0, $0 < 3 ? "a" : "b", machine: "m") },
      [host("a", machine: "m"), host("b", machine: "m")], yields: true)
    #expect(two.first?.hasPrefix("a, b: 6 ranks share 4 cores") == true)
  }

  @Test func bindingThreadsSharedMemoryAndTransportsAreAdvised() {
    let bound = findings(
      [rank(0, "a", machine: "m", processors: "0"), rank(1, "b", machine: "m", processors: "0")],
      [host("a", machine: "m"), host("b", machine: "m")])
    #expect(
      bound == [
        "a, b: ranks 0-1 are all bound to processor 0: hosts of one machine each count from its first core: mpirun --bind-to none"
      ])
    #expect(
      findings([rank(0, "a", threads: "4"), rank(1, "a", threads: "4")], [host("a")]).first?
        .hasPrefix("a: OMP_NUM_THREADS makes 8 threads")
        == true)
    #expect(
      findings([rank(0, "a"), rank(1, "a")], [host("a", shared: 4 << 20)]).first?.hasPrefix(
        "a: /dev/shm has 4 MiB free, 2 ranks take some 10") == true)
    #expect(
      findings([rank(0, "a"), rank(1, "a")], [host("a")], transports: "tcp,self").first?.contains(
        "talk through the network") == true)
    #expect(findings([rank(0, "a"), rank(1, "a")], [host("a")], transports: "^vader").count == 1)
  }

  @Test func aSlowRankAWrongClockAndDifferentCPUsAreAdvised() {
    let slow = findings(
      [rank(0, "a"), rank(1, "b", speed: 60, clock: -250)], [host("a"), host("b", cpu: "Xeon")])
    #expect(slow.count == 3)
    #expect(
      slow[0].hasPrefix("rank 1 (b) multiply at 60")
        && slow[1].hasPrefix("b's clock is 250.0 ms behind a's")
        && slow[2].contains("Xeon; Zen") || slow[2].contains("Zen; Xeon"))
  }

  @Test func theReportIsATableForPeopleAndOneLineForPrograms() throws {
    let diagnosis = DiagnosisRecord(
      mpi: "Open MPI v4.1.4", ranks: [rank(0, "a"), rank(1, "a")],
      reductions: [.init(bytes: 1 << 20, microseconds: 500, repetitions: 9)],
      transports: nil, yields: false)
    let report = DoctorReport(
      records: [host("a")], diagnosis: diagnosis, problems: [], findings: [])
    // 2 (n − 1)/n · 1 MiB in 500 µs.
    #expect(report.text.contains(/\n1 MiB +500\.0 +2097\n/), "\(report.text)")
    #expect(
      report.text.hasPrefix("Open MPI v4.1.4\n\nhost")
        && report.text.hasSuffix("nothing is misconfigured\n"))
    // Four cores, two ranks: each could have two.
    #expect(report.text.contains(/\n +0 +a +0-3 +2 +1\b/), "\(report.text)")
    var wide = host("a")
    (wide.numaNodes, wide.cacheDomains) = (2, 4)
    #expect(JSONText(of: wide).string.contains("\"numa_nodes\":2,\"cache_domains\":4"))
    let line = JSONText(of: report).string
    #expect(!line.contains("\n"))
    let read = try #require(
      try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(
      Set(read.keys) == ["mpirun", "mpirun_version", "hosts", "measured", "problems", "advice"])
    #expect(
      try JSONDecoder().decode(
        DiagnosisRecord.self, from: Data(JSONText(of: diagnosis).string.utf8)) == diagnosis)
    #expect(
      try JSONDecoder().decode(
        HostRecord.self, from: Data(JSONText(of: host("a", shared: nil)).string.utf8))
        == host("a", shared: nil))
  }
}
