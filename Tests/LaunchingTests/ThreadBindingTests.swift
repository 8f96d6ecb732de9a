import Launching
import Recording
import Reports
import Scaling
import Testing

/// mpirun's command for ranks of several threads.
struct ThreadBindingTests {
  private func line(
    ranks: Int, threads: Int, cores: Int = 8, numaNodes: Int = 1, hosts: Hostfile? = nil,
    extra: [String] = [], inherited: [String: String] = [:]
  ) -> MpirunCommand {
    var line = MpirunCommand(
      setpriv: "/usr/bin/setpriv", mpirun: Launchers.openMPI4, worker: "/opt/lockstep-worker",
      workerArguments: ["x.toml"], ranks: ranks,
      machine: Machine(cores: cores, numaNodes: numaNodes, isRoot: false), hostfile: hosts,
      extra: extra, inherited: inherited)
    line.threads = threads
    return line
  }

  /// The words of a command between `-n RANKS` and the variables.
  private func words(_ line: MpirunCommand) -> String {
    let command = line.command
    let end = command.firstIndex(of: "-x") ?? command.endIndex
    return command[(command.firstIndex(of: "-n")! + 2)..<end].joined(separator: " ")
  }

  private func record(_ host: String, machine: String? = nil, cores: Int, numaNodes: Int? = nil)
    -> HostRecord
  {
    HostRecord(
      host: host, machine: machine ?? host, worker: "", workerSHA256: "", mpi: "",
      hasLauncher: true, directory: "/", data: [], outputProblem: nil, sharesOutput: true, time: 0,
      cores: cores, cpu: "", memory: 0, freeMemory: 0, freeSharedMemory: nil, numaNodes: numaNodes)
  }

  @Test func blocksOfCoresAreBoundWhileThereAreEnough() {
    #expect(words(line(ranks: 4, threads: 2)) == "--map-by slot:PE=2 --bind-to core")
    #expect(words(line(ranks: 1, threads: 8)) == "--map-by slot:PE=8 --bind-to core")
    #expect(line(ranks: 4, threads: 2).notes.isEmpty)
    #expect(words(line(ranks: 4, threads: 1)) == "", "one thread a rank is started as ever")
  }

  @Test func moreThreadsThanCoresTakeTurnsWithANote() {
    let crowded = line(ranks: 2, threads: 2, cores: 2)
    #expect(words(crowded) == "--bind-to none --mca mpi_yield_when_idle 1")
    #expect(crowded.isOversubscribed && crowded.notes.count == 1)
    #expect(crowded.notes[0].hasPrefix("2 ranks × 2 threads on 2 cores: they take turns"))
    let alone = line(ranks: 1, threads: 1000, cores: 2)
    #expect(alone.notes[0].hasPrefix("1 rank × 1000 threads on 2 cores"))
    let many = line(ranks: 4, threads: 2, cores: 2)
    #expect(words(many).hasPrefix("--oversubscribe --bind-to none"))
    #expect(many.notes[0].hasPrefix("4 ranks × 2 threads on 2 cores"))
  }

  @Test func blocksStayWithinNUMANodesAndSoDoesTheirMemory() {
    #expect(
      words(line(ranks: 4, threads: 2, numaNodes: 2))
        == "--map-by numa:PE=2 --rank-by core --bind-to core --mca hwloc_base_mem_alloc_policy local_only"
    )
    // Two blocks of three fit nodes of four cores, but not a third; one of five fits none.
    #expect(words(line(ranks: 2, threads: 3, numaNodes: 2)).hasPrefix("--map-by numa:PE=3"))
    #expect(
      words(line(ranks: 1, threads: 5, numaNodes: 2)) == "--map-by slot:PE=5 --bind-to core")
    #expect(
      words(line(ranks: 4, threads: 3, cores: 12, numaNodes: 3)).hasPrefix("--map-by slot:PE=3"))
  }

  @Test func theUsersOwnPlacementIsNotChanged() {
    for extra in [["--bind-to", "none"], ["--map-by", "socket:PE=2"]] {
      #expect(words(line(ranks: 2, threads: 2, extra: extra)) == "" || extra[0] != "--bind-to")
      #expect(!line(ranks: 2, threads: 2, extra: extra).command.contains("slot:PE=2"))
      #expect(line(ranks: 2, threads: 2, extra: extra).notes.isEmpty)
    }
  }

  @Test func aHostGetsAsManyRanksAsItHasBlocks() throws {
    let list = try Hostfile(list: "a:8,b:8")
    let four = line(ranks: 4, threads: 4, hosts: list)
    #expect(words(four).hasPrefix("--host a:2,b:2 "))
    #expect(words(four).hasSuffix("--map-by slot:PE=4 --bind-to core"))
    let file = try Hostfile(path: "hosts.txt", text: "a slots=8\nme@b slots=8")
    #expect(
      words(line(ranks: 4, threads: 4, hosts: file)).hasPrefix(
        "--hostfile hosts.txt --host a:2,b:2 "))
    #expect(words(line(ranks: 4, threads: 1, hosts: file)).hasPrefix("--hostfile hosts.txt --mca"))
    // Slots that may be meant as ranks, of cores that are not known.
    let unknown = line(ranks: 4, threads: 4, hosts: try Hostfile(list: "a:2,b:2"))
    #expect(
      words(unknown).hasPrefix("--host a:2,b:2 ") && words(unknown).hasSuffix("--bind-to none"))
    #expect(unknown.notes.count == 1 && unknown.notes[0].contains("not bound to cores"))
    // The hosts say that they have enough.
    var known = unknown
    known.take([record("a", cores: 8), record("b", cores: 8)], of: try Hostfile(list: "a:2,b:2"))
    #expect(words(known).hasSuffix("--map-by slot:PE=4 --bind-to core") && known.notes.isEmpty)
    #expect(words(known).hasPrefix("--host a:2,b:2 "))
  }

  @Test func hostsThatAreOneMachineOrTooSmallAreNotBound() throws {
    let list = try Hostfile(list: "a:2,b:2")
    var shared = line(ranks: 2, threads: 2, hosts: list)
    shared.take(
      [record("a", machine: "m", cores: 8), record("b", machine: "m", cores: 8)], of: list)
    #expect(shared.crowding == .shared && words(shared).hasSuffix("--bind-to none"))
    #expect(shared.notes.count == 1 && shared.notes[0].contains("one machine"))
    var small = line(ranks: 4, threads: 4, hosts: list)
    small.take([record("a", cores: 4), record("b", cores: 8)], of: list)
    #expect(small.crowding == .oversubscribed)
    #expect(words(small).hasSuffix("--bind-to none --mca mpi_yield_when_idle 1"))
    #expect(small.notes.count == 1 && small.notes[0].contains("ranks × threads than cores"))
  }

  @Test func aSlurmJobIsBoundWhereItsNodesHaveTheCores() {
    let job = [
      "SLURM_JOB_ID": "7", "SLURM_NTASKS": "8", "SLURM_JOB_NUM_NODES": "2",
      "SLURM_TASKS_PER_NODE": "4(x2)", "SLURM_CPUS_PER_TASK": "2",
    ]
    #expect(
      words(line(ranks: 8, threads: 2, inherited: job)).hasSuffix(
        "--map-by slot:PE=2 --bind-to core"))
    let narrow = line(ranks: 8, threads: 4, inherited: job)
    #expect(words(narrow).hasSuffix("--bind-to none") && narrow.notes.count == 1)
    #expect(
      words(line(ranks: 8, threads: 2, inherited: ["PBS_NODEFILE": "/n"])).hasSuffix(
        "--bind-to none"))
    let allocation = SlurmAllocation(job)
    #expect(allocation?.tasksPerNode == 4 && allocation?.nodes == 2 && allocation?.tasks == 8)
    #expect(
      allocation?.hosts(like: Machine(cores: 64, isRoot: false)).map(\.cores) == [8, 8])
    #expect(SlurmAllocation(["SLURM_NTASKS": "0"]) == nil && SlurmAllocation([:]) == nil)
    #expect(
      SlurmAllocation(["SLURM_NTASKS": "5", "SLURM_TASKS_PER_NODE": "3,2"])?.tasksPerNode == 3)
    #expect(
      SlurmAllocation(["SLURM_NTASKS": "5", "SLURM_CPUS_PER_TASK": "\(Int.max)"])?
        .processorsPerTask == nil)
  }

  @Test func automaticRanksTakeACoreAThread() throws {
    func ranks(_ threads: Int, _ hosts: Hostfile?, _ environment: [String: String] = [:]) -> Int {
      MpirunCommand.automaticRanks(
        machine: Machine(cores: 6, isRoot: false), hostfile: hosts, threads: threads,
        environment: environment)
    }
    #expect(ranks(2, nil) == 3 && ranks(4, nil) == 1 && ranks(100, nil) == 1)
    #expect(try ranks(4, Hostfile(list: "a:8,b:2")) == 3)
    #expect(try ranks(2, Hostfile(path: "h", text: "a\nb slots=3")) == 6)
    #expect(ranks(4, nil, ["SLURM_NTASKS": "48"]) == 48)
  }

  @Test func aVariableThatSetsNoThreadsIsNotedOnce() {
    let set = ["OMP_NUM_THREADS": "4"]
    #expect(line(ranks: 2, threads: 2, inherited: set).notes.isEmpty)
    var chosen = line(ranks: 2, threads: 1, inherited: set)
    #expect(chosen.notes.contains { $0.contains("OMP_NUM_THREADS=4") })
    chosen.workerArguments += ["--set", "training.threads=1"]
    #expect(chosen.notes.isEmpty)
    chosen.reason = "2 ranks × 1 thread: why"
    #expect(chosen.notes == ["2 ranks × 1 thread: why"])
  }
}
