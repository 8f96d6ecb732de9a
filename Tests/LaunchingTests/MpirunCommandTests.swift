import Launching
import Testing

struct MpirunCommandTests {
  private func line(
    ranks: Int = 2, cores: Int = 2, root: Bool = false, hostfile: Hostfile? = nil,
    extra: [String] = [], inherited: [String: String] = [:],
    setpriv: String? = "/usr/bin/setpriv"
  ) -> MpirunCommand {
    MpirunCommand(
      setpriv: setpriv, mpirun: Launchers.openMPI4, worker: "/opt/lockstep-worker",
      workerArguments: ["a b.toml", "--events"], ranks: ranks,
      machine: Machine(cores: cores, isRoot: root), hostfile: hostfile, extra: extra,
      inherited: inherited)
  }

  private func hosts(_ text: String) throws -> Hostfile {
    try Hostfile(path: "hosts.txt", text: text)
  }

  @Test func asManyRanksAsCoresNeedNoOptions() {
    #expect(
      line().command == [
        "/usr/bin/setpriv", "--pdeathsig", "TERM", "/usr/bin/mpirun", "-n", "2", "-x",
        "OMP_NUM_THREADS=1", "/opt/lockstep-worker",
        "a b.toml",
        "--events",
      ])
    #expect(line().notes.isEmpty && line().assignments.isEmpty)
  }

  @Test func moreRanksThanCoresTakeTurnsWithANote() {
    let crowded = line(ranks: 4)
    #expect(
      crowded.command[4..<13] == [
        "-n", "4", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1",
        "-x",
      ])
    #expect(crowded.notes.count == 1 && crowded.notes[0].hasPrefix("4 ranks on 2 cores: "))
  }

  @Test func theUsersOwnBindingIsNotChanged() {
    let command = line(ranks: 4, extra: ["--bind-to", "core", "--oversubscribe"]).command
    #expect(command.filter { $0 == "--bind-to" }.count == 1)
    #expect(command.filter { $0 == "--oversubscribe" }.count == 1)
    #expect(command.contains("mpi_yield_when_idle"))
  }

  @Test func aSchedulersAllocationDecidesAboutItsCores() {
    let allocated = line(ranks: 64, inherited: ["SLURM_JOB_ID": "7"])
    #expect(!allocated.isOversubscribed && allocated.command.contains("oob_tcp_keepalive_time"))
  }

  @Test func aHostfileBringsKeepaliveAndItsSlotsLimitTheRanks() throws {
    let roomy = line(ranks: 4, hostfile: try hosts("a slots=2\nb slots=2"))
    #expect(roomy.command.contains("hosts.txt") && !roomy.isOversubscribed)
    for (name, value) in [("time", "2"), ("intvl", "1"), ("probes", "2")] {
      let index = try #require(roomy.command.firstIndex(of: "oob_tcp_keepalive_\(name)"))
      #expect(roomy.command[index - 1] == "--mca" && roomy.command[index + 1] == value)
    }
    #expect(line(ranks: 5, hostfile: try hosts("a slots=2\nb slots=2")).isOversubscribed)
    #expect(!line(ranks: 500, hostfile: try hosts("a slots=2\nb")).isOversubscribed)
  }

  @Test func aListOfHostsIsPassedWithTheVariablesThatOtherHostsLack() throws {
    var few = line(
      ranks: 4, hostfile: try Hostfile(list: "a:2,b:2"),
      inherited: ["LD_LIBRARY_PATH": "/opt/lib", "HOME": "/root"])
    let index = try #require(few.command.firstIndex(of: "--host"))
    #expect(few.command[index + 1] == "a:2,b:2" && !few.command.contains("--hostfile"))
    #expect(
      few.command.contains("LD_LIBRARY_PATH") && !few.command.contains("HOME")
        && !few.command.contains("--bind-to"))
    #expect(
      !line(inherited: ["LD_LIBRARY_PATH": "/opt/lib"]).command.contains("LD_LIBRARY_PATH"),
      "one machine has it anyway")
    // A2: the limit on instructions reaches every rank.
    for inherited in [
      ["LOCKSTEP_MAX_CPU": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"],
      ["PBS_NODEFILE": "/n", "LOCKSTEP_MAX_CPU": "avx2"],
    ] {
      let command = line(
        hostfile: inherited["PBS_NODEFILE"] == nil ? try Hostfile(list: "a:2") : nil,
        inherited: inherited
      ).command
      let variables = command.indices.filter { command[$0] == "-x" }.map { command[$0 + 1] }
      #expect(
        Set(variables).isSuperset(
          of: inherited.keys.filter { $0.hasSuffix("_CPU") || $0.hasSuffix("_ISA") }), "\(command)")
    }
    few.crowding = .shared
    #expect(
      few.command.contains("--bind-to") && !few.command.contains("mpi_yield_when_idle")
        && few.notes.count == 1)
    few.crowding = .oversubscribed
    #expect(
      few.command.contains("--bind-to") && few.command.contains("mpi_yield_when_idle")
        && !few.command.contains("--oversubscribe"))
    #expect(few.notes.count == 1 && few.notes[0].hasPrefix("a machine has more ranks than cores"))
  }

  @Test func rootIsAllowedByTheEnvironment() {
    let environment = line(root: true, inherited: ["HOME": "/root"]).environment
    #expect(
      environment == [
        "HOME": "/root", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
      ])
  }

  @Test func variablesOfAnotherJobAreRemovedAndTheUsersStay() {
    let user = [
      "OMPI_MCA_btl": "tcp,self", "OMPI_COMMAND": "x", "PMIX_VERSION": "3", "PATH": "/bin",
    ]
    #expect(line(inherited: user).environment == ["OMPI_MCA_btl": "tcp,self", "PATH": "/bin"])
    let nested = user.merging(["OMPI_COMM_WORLD_RANK": "0"]) { $1 }
    #expect(line(inherited: nested).environment == ["PATH": "/bin"])
  }

  // F
  @Test func aNumberOfThreadsThatNoRankUsesIsNoted() {
    #expect(
      line(inherited: ["OMP_NUM_THREADS": "2"]).notes.contains { $0.contains("OMP_NUM_THREADS=2") })
    #expect(
      !line(inherited: ["OMP_NUM_THREADS": "1"]).notes.contains { $0.contains("OMP_NUM_THREADS") })
  }

  @Test func ranksHaveOneThreadUnlessOMPNumThreadsIsSet() {
    #expect(line(inherited: ["OMP_NUM_THREADS": "3"]).command.contains("OMP_NUM_THREADS"))
    #expect(line().command.contains("OMP_NUM_THREADS=1"))
  }

  @Test func aRunWithoutSetprivStartsWithANote() {
    #expect(line(setpriv: nil).command[0] == "/usr/bin/mpirun")
    #expect(line(setpriv: nil).notes.count == 1)
  }

  @Test func timedRanksAreBoundWhileThereIsACoreForEach() {
    func bound(ranks: Int, extra: [String] = []) -> [String] {
      var bound = line(ranks: ranks, extra: extra)
      bound.bindsToCores = true
      return bound.command
    }
    #expect(bound(ranks: 2).contains("core:if-supported"))
    #expect(!bound(ranks: 64).contains("core:if-supported") && bound(ranks: 64).contains("none"))
    #expect(!bound(ranks: 2, extra: ["--bind-to", "socket"]).contains("core:if-supported"))
    #expect(!line(ranks: 2).command.contains("core:if-supported"))
  }

  /// Fault list F: a dry run prints the line that a user would type, not the coordinator's.
  @Test func theShellLineCanBePasted() {
    let text = "mpirun -n 2 -x OMP_NUM_THREADS=1 /opt/lockstep-worker 'a b.toml' </dev/null"
    #expect(
      line(root: true).shellText == "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
        + text)
    let allowed = ["OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"]
    #expect(line(root: true, inherited: allowed).shellText == text)
    #expect(line(inherited: ["OMPI_COMMAND": "x"]).shellText == text)
    #expect(
      line(inherited: ["PMIX_RANK": "0", "HOME": "/root"]).shellText == "env -u PMIX_RANK " + text)
    #expect(
      line(root: true, inherited: allowed.merging(["PMIX_RANK": "0"]) { $1 }).shellText
        == "env -u PMIX_RANK OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 " + text)
    #expect(MpirunCommand.quoted("it's $HOME") == "'it'\\''s $HOME'")
    #expect(MpirunCommand.quoted("") == "''")
    #expect(MpirunCommand.quoted("--set") == "--set")
  }

  @Test func autoAsksTheHostfileThenTheAllocationThenTheMachine() throws {
    let machine = Machine(cores: 6, isRoot: false)
    func ranks(_ text: String?, _ environment: [String: String] = [:]) throws -> Int {
      MpirunCommand.automaticRanks(
        machine: machine, hostfile: try text.map(hosts), environment: environment)
    }
    #expect(try ranks("a slots=2\nb slots=3") == 5)
    #expect(try ranks("a\nb slots=3") == 12)
    #expect(try ranks(nil, ["SLURM_NTASKS": "48"]) == 48)
    #expect(try ranks(nil, ["SLURM_NTASKS": "x"]) == 6)
    #expect(try ranks(nil) == 6)
  }

  @Test func thisMachineHasCores() {
    #expect(Machine.current().cores >= 1)
    #expect(Machine.numbers(inList: "\t0-3,8,10-11\n") == [0, 1, 2, 3, 8, 10, 11])
    #expect(Machine.numbers(inList: "x,5-2") == [])
  }
}
