import Launching
import Recording
import Reports
import Testing

/// A host that has all that a run needs; each test removes one thing.
private func record(_ host: String, _ change: (inout HostRecord) -> Void = { _ in }) -> HostRecord {
  var record = HostRecord(
    host: host, machine: host, worker: "/opt/lockstep-worker",
    workerSHA256: String(repeating: "a", count: 64), mpi: "Open MPI v4.1.4",
    hasLauncher: true, directory: "/home/u",
    data: [.init(path: "/data/x", digest: "d1", problem: nil)], outputProblem: nil,
    sharesOutput: true,
    time: 1000.05, cores: 4, cpu: "Zen", memory: 8 << 30, freeMemory: 6 << 30,
    freeSharedMemory: 1 << 30)
  change(&record)
  return record
}

private func check(
  _ answers: [(String, HostCheck.Answer)], output: String? = "/runs/a", needsDirectory: Bool = false
) -> HostCheck {
  HostCheck(
    answers.map { (host: $0.0, answer: $0.1) },
    wanted: HostCheck.Wanted(
      here: record("here"), shell: "ssh", mpirun: Launchers.openMPI4, output: output,
      needsDirectory: needsDirectory))
}

private func good(_ host: String, _ change: (inout HostRecord) -> Void = { _ in }) -> (
  String, HostCheck.Answer
) {
  (host, .record(record(host, change), asked: 1000, answered: 1000.1))
}

struct HostCheckTests {
  @Test func hostsThatHaveEverythingPassWithoutAMessage() {
    let result = check([good("a"), good("b"), good("c")])
    #expect(
      result.problems.isEmpty && result.notes.isEmpty && result.code == .done
        && result.records.count == 3)
  }

  @Test func everythingThatAHostLacksIsOneLineWithItsName() {
    func expect(_ start: String, _ code: ExitCode, _ change: (inout HostRecord) -> Void) {
      let result = check([good("a"), good("b", change)], needsDirectory: true)
      #expect(result.problems.count == 1 && result.code == code)
      #expect(result.problems.first?.line.hasPrefix(start) == true, "\(result.problems)")
    }
    let build =
      "b: /opt/lockstep-worker is another build there (SHA-256 bbbbbbbbbbbb, here aaaaaaaaaaaa)"
    expect(build, .mpiUnusable) { $0.workerSHA256 = String(repeating: "b", count: 64) }
    expect("b: has Open MPI v4.1.5, this machine Open MPI v4.1.4", .mpiUnusable) {
      $0.mpi = "Open MPI v4.1.5"
    }
    expect("b: /usr/bin/orted, which mpirun starts on each host, is not there", .mpiUnusable) {
      $0.hasLauncher = false
    }
    expect("b: has no directory /home/u", .usage) { $0.directory = "/" }
    expect("b: /data/x: there is no such file; ", .data) {
      $0.data[0] = .init(path: "/data/x", digest: nil, problem: "there is no such file")
    }
    expect("b: /data/x is another file than on a", .data) { $0.data[0].digest = "d2" }
  }

  @Test func hostsThatDoNotAnswerAreReportedByCause() {
    let result = check([
      good("a"), ("b", .unreachable("Permission denied (publickey).")), ("c", .late(seconds: 8)),
      ("d", .silent("libmpi.so.40: no such file")),
    ])
    #expect(result.problems.map(\.hosts) == [["b"], ["c"], ["d"]] && result.code == .mpiUnusable)
    #expect(
      result.problems[0].line.contains(
        "Permission denied (publickey).; it has to work without a password: try ssh b true"))
    #expect(
      result.problems[1].line.contains("within 8 s")
        && result.problems[2].line.contains("libmpi.so.40"))
  }

  @Test func equalProblemsShareALineAndAnUnusableHostDecidesTheCode() {
    let other: (inout HostRecord) -> Void = { $0.mpi = "Open MPI v5.0.0" }
    let result = check([
      good("a"), good("b", other), good("c", other), good("d") { $0.data[0].digest = nil },
    ])
    #expect(result.problems.map(\.hosts) == [["b", "c"], ["d"]] && result.code == .mpiUnusable)
  }

  @Test func theRunDirectoryOfRank0MustBeWritableAndShared() {
    let sealed = check([
      good("a") { $0.outputProblem = "/runs/a cannot be written: Permission denied (/runs)" },
      good("b"),
    ])
    #expect(
      sealed.code == .usage
        && sealed.problems[0].line.hasPrefix(
          "a: /runs/a cannot be written: Permission denied (/runs); rank 0 runs there")
    )
    let apart = check([good("a") { $0.sharesOutput = false }, good("b")])
    #expect(
      apart.code == .usage && apart.problems[0].line.hasPrefix("a: /runs/a is on its own disk"))
    // On hosts other than rank 0's only logs are lost.
    let local = check([
      good("a"), good("b") { $0.sharesOutput = false }, good("c") { $0.outputProblem = "x" },
    ])
    #expect(local.problems.isEmpty && local.notes.count == 2)
    #expect(
      local.notes[0].hasPrefix("c: /runs/a cannot be written")
        && local.notes[1].hasSuffix("logs of b stay there"))
  }

  @Test func aClockIsWrongOnlyWhenTheRoundTripCannotExplainIt() {
    let late = check([
      good("a"), ("b", .record(record("b") { $0.time = 1000.9 }, asked: 1000, answered: 1001)),
    ])
    #expect(late.notes.isEmpty)
    let ahead = check([
      good("a"), ("b", .record(record("b") { $0.time = 1012.1 }, asked: 1000, answered: 1000.2)),
    ])
    #expect(
      ahead.notes.count == 1
        && ahead.notes[0].hasPrefix("b: its clock is 12.00 s ahead (± 0.1000 s)"), "\(ahead.notes)")
    let behind = check([
      good("a"), ("b", .record(record("b") { $0.time = 990 }, asked: 1000, answered: 1000)),
    ])
    #expect(behind.notes.first?.contains("10.00 s behind") == true)
  }

  @Test func hostsOfOneMachineShareItsCores() {
    let one: (inout HostRecord) -> Void = { $0.machine = "m" }
    #expect(Oversubscription([record("a"), record("b")], shares: [4, 4]) == .roomy)
    #expect(Oversubscription([record("a"), record("b")], shares: [4, 5]) == .oversubscribed)
    #expect(Oversubscription([record("a", one), record("b", one)], shares: [2, 2]) == .shared)
    #expect(
      Oversubscription([record("a", one), record("b", one)], shares: [3, 2]) == .oversubscribed)
  }

  @Test func mpirunFillsSlotsInOrderItsOwnHostFirst() throws {
    let list = try Hostfile(list: "a:1,b:2,c:3").inMappingOrder { $0 == "b" }
    #expect(
      list.hosts.map(\.name) == ["b", "a", "c"] && list.shares(of: 4) { _ in nil } == [2, 1, 1])
    // A file in another order is written anew for an mpirun that keeps to it.
    let file = try Hostfile(path: "h", text: "a\nu@b slots=2")
    #expect(
      file.inMappingOrder { $0 == "b" }.ownText == "u@b slots=2\na\n"
        && file.inMappingOrder { $0 == "a" }.ownText == nil)
    let hosts = try Hostfile(list: "a:2,b:3")
    #expect(
      hosts.shares(of: 4) { _ in nil } == [2, 2] && hosts.shares(of: 5) { _ in nil } == [2, 3]
        && hosts.shares(of: 8) { _ in nil } == [4, 4])
    #expect(try Hostfile(path: "h", text: "a\nb").shares(of: 6) { _ in 4 } == [4, 2])
  }

  // A2
  @Test func differentInstructionsOfCPUsWithOneNameAreNoted() {
    func instructions(_ kernels: String) -> CPUInstructions {
      CPUInstructions(kernels: kernels, onednn: kernels)
    }
    let alike = check([
      good("a") { $0.instructions = instructions("avx2") },
      good("b") { $0.instructions = instructions("avx2") },
    ])
    #expect(alike.notes.isEmpty)
    let mixed = check([
      good("a") { $0.instructions = instructions("avx2") },
      good("b") { $0.instructions = instructions("avx512") },
    ])
    #expect(
      mixed.problems.isEmpty && mixed.notes.count == 1
        && mixed.notes[0].hasPrefix("the hosts' CPUs differ (Zen (avx2); Zen (avx512))"))
  }
}
