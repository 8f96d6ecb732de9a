import Launching
import Processes
import RankTesting
import Recording
import Reports
import Testing

/// mpirun's of three kinds.
enum Launchers {
  static let openMPI4 = MPILauncher(
    path: "/usr/bin/mpirun", word: "mpirun", version: "mpirun (Open MPI) 4.1.4\n\nReport bugs")!
  static let openMPI5 = MPILauncher(
    path: "/opt/ompi/bin/mpirun", version: "mpirun (Open MPI) 5.0.11")!
  static let hydra = MPILauncher(
    path: "/opt/mpich/bin/mpirun", word: "mpirun",
    version: "HYDRA build details:\n    Version:                                 4.0.2\n")!
}

struct MPILauncherTests {
  @Test func anMpirunIsKnownByWhatItSaysOfItsVersion() {
    #expect(
      Launchers.openMPI4.dialect == .openMPI4
        && Launchers.openMPI4.name.description == "Open MPI 4.1.4")
    #expect(
      Launchers.openMPI5.dialect == .openMPI5
        && Launchers.openMPI5.name.description == "Open MPI 5.0.11")
    #expect(Launchers.hydra.dialect == .hydra && Launchers.hydra.name.description == "MPICH 4.0.2")
    let intel = MPILauncher(
      path: "/i", version: "Intel(R) MPI Library for Linux* OS, Version 2021.9 Build 20230307")
    #expect(intel?.dialect == .hydra)
    #expect(MPILauncher(path: "/x", version: "usage: mpirun PROGRAM") == nil)
  }

  @Test func theOneOnThePathComesFirstThenTheLibrarysOwn() {
    let there = [
      "mpirun": "/usr/bin/mpirun", "mpiexec": "/usr/bin/mpiexec",
      "mpirun.mpich": "/usr/bin/mpirun.mpich",
    ]
    let found = MPILauncher.candidates(library: "/opt/mpich/lib/libmpi.so.12") {
      $0 == "/opt/mpich/bin/mpirun" ? $0 : there[$0]
    }
    #expect(
      found.map(\.path) == [
        "/usr/bin/mpirun", "/opt/mpich/bin/mpirun", "/usr/bin/mpiexec", "/usr/bin/mpirun.mpich",
      ])
    #expect(found.map(\.word) == ["mpirun", "/opt/mpich/bin/mpirun", "mpiexec", "mpirun.mpich"])
    #expect(MPILauncher.candidates(library: nil) { _ in nil }.isEmpty)
  }

  private func command(
    _ mpirun: MPILauncher, ranks: Int, threads: Int = 1, cores: Int = 4, hosts: String? = nil,
    binds: Bool = false, inherited: [String: String] = [:]
  ) throws -> String {
    var line = MpirunCommand(
      setpriv: nil, mpirun: mpirun, worker: "/w", workerArguments: ["x.toml"], ranks: ranks,
      machine: Machine(cores: cores, isRoot: true), hostfile: try hosts.map(Hostfile.init(list:)),
      inherited: inherited)
    (line.threads, line.bindsToCores) = (threads, binds)
    return line.command.dropFirst().joined(separator: " ")
  }

  @Test func hydraIsSpokenToInItsOwnWords() throws {
    let mpich = Launchers.hydra
    #expect(try command(mpich, ranks: 2) == "-n 2 -genv OMP_NUM_THREADS 1 /w x.toml")
    #expect(try command(mpich, ranks: 9) == "-n 9 -genv OMP_NUM_THREADS 1 /w x.toml")
    #expect(
      try command(mpich, ranks: 2, binds: true)
        == "-n 2 -bind-to core -genv OMP_NUM_THREADS 1 /w x.toml")
    #expect(
      try command(mpich, ranks: 2, threads: 2)
        == "-n 2 -bind-to core:2 -genv OMP_NUM_THREADS 1 /w x.toml")
    // It hands on the whole environment by itself.
    #expect(
      try command(
        mpich, ranks: 4, hosts: "a:2,b:2",
        inherited: ["LD_LIBRARY_PATH": "/l", "OMP_NUM_THREADS": "1"])
        == "-n 4 -hosts a:2,b:2 /w x.toml")
  }

  @Test func openMPI5IsSpokenToInItsOwnWords() throws {
    let five = Launchers.openMPI5
    #expect(
      try command(five, ranks: 9)
        == "-n 9 --map-by :OVERSUBSCRIBE --bind-to none --mca mpi_yield_when_idle 1 -x OMP_NUM_THREADS=1 /w x.toml"
    )
    #expect(
      try command(five, ranks: 2, hosts: "a:1,b:1")
        == "-n 2 --host a:1,b:1 --prtemca oob_tcp_keepalive_time 2 --prtemca oob_tcp_keepalive_intvl 1 --prtemca oob_tcp_keepalive_probes 2 -x OMP_NUM_THREADS=1 /w x.toml"
    )
    #expect(
      try command(five, ranks: 2, threads: 2).hasPrefix("-n 2 --map-by slot:PE=2 --bind-to core"))
  }

  @Test func aJobInsideAnotherHasNoneOfItsVariables() {
    let line = MpirunCommand(
      setpriv: nil, mpirun: Launchers.hydra, worker: "/w", workerArguments: [], ranks: 1,
      machine: Machine(cores: 1, isRoot: true),
      inherited: [
        "PMI_RANK": "1", "PMI_SIZE": "2", "PMI_FD": "6", "HYDI_CONTROL_FD": "7",
        "MPI_LOCALNRANKS": "2", "MPI_LOCALRANKID": "1", "HOME": "/root",
      ])
    #expect(line.environment == ["HOME": "/root"])
  }

  // MARK: What they say of a failure, as printed by MPICH 4.0.2, 5.0.1 and Open MPI 5.0.11

  private func read(_ text: String) -> MpirunOutputParser {
    var parser = MpirunOutputParser()
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if case .other(let words) = parser.read(String(line)) { Issue.record("shown: \(words)") }
    }
    return parser
  }

  private static let killedUnderHydra = """
    ===================================================================================
    =   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES
    =   PID 17905 RUNNING AT vm
    =   EXIT CODE: 9
    =   CLEANING UP REMAINING PROCESSES
    =   YOU CAN IGNORE THE BELOW CLEANUP MESSAGES
    ===================================================================================
    YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal 9)
    This typically refers to a problem with your application.
    Please see the FAQ page for debugging suggestions
    """

  @Test func aKilledRankUnderHydraIsFoundByItsProcess() throws {
    let parser = read(Self.killedUnderHydra)
    let death = try #require(parser.death)
    #expect(death.rank == nil && death.process == 17905 && death.host == "vm")
    let folder = TemporaryFolder()
    folder.write("rank 0 of 2 on vm, process 17904; 9 steps\n", to: "logs/rank-0.log")
    folder.write(
      "x\nrank 1 of 2 on vm, process 1; 9 steps\nrank 1 of 2 on vm, process 17905; 9 steps\n",
      to: "logs/rank-1.log")
    let cause = RootCause(
      ending: .exited(9), faults: parser, step: 7, directory: RunDirectory(folder.path))
    #expect(
      cause.text
        == "rank 1 on vm was killed by signal 9 (Killed) at step 7; its log: \(folder.path)/logs/rank-1.log"
    )
    #expect(cause.code == .workerFailed)
    let unknown = RootCause(ending: .exited(9), faults: parser, step: nil, directory: nil)
    #expect(unknown.text == "a rank (process 17905) on vm was killed by signal 9 (Killed)")
  }

  @Test func aKilledRankUnderOpenMPI5IsNamed() {
    let dashes = String(repeating: "-", count: 74)
    let death = read(
      """
      \(dashes)
      prterun noticed that process rank 1 with PID 17917 on node vm exited on
      signal 9 (Killed).
      \(dashes)
      """
    ).death
    #expect(
      death?.rank == 1 && death?.host == "vm" && death?.how == "was killed by signal 9 (Killed)")
    let exit = read(
      """
      \(dashes)
      prterun detected that one or more processes exited with non-zero status,
      thus causing the job to be terminated. The first process to do so was:

         Process name: [prterun-vm-17931@1,1]
         Exit code:    65
      \(dashes)
      """
    ).death
    #expect(exit?.rank == 1 && exit?.exitCode == 65)
  }
}
