import Launching
import Recording
import Reports
import Testing

/// The output of Open MPI 4.1.4 in real failures, and the one line that the coordinator makes of
/// it.
struct RootCauseTests {
  private static let dashes = String(repeating: "-", count: 74)

  private func read(_ text: String) -> (reader: MpirunOutputParser, shown: [String]) {
    var reader = MpirunOutputParser()
    var shown: [String] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if case .other(let words) = reader.read(String(line)) { shown.append(words) }
    }
    return (reader, shown)
  }

  private func cause(_ text: String, exit: Int32, step: Int? = 123) -> RootCause {
    RootCause(
      ending: .exited(exit), faults: read(text).reader, step: step,
      directory: RunDirectory("runs/x"))
  }

  private static let aborted = """
    \(dashes)
    Primary job  terminated normally, but 1 process returned
    a non-zero exit code. Per user-direction, the job has been aborted.
    \(dashes)
    """

  private static let killed = """
    \(aborted)
    \(dashes)
    mpirun noticed that process rank 2 with PID 0 on node node1 exited on signal 9 (Killed).
    \(dashes)
    """

  @Test func aKilledRankIsNamedWithHostSignalStepAndLog() {
    let cause = cause(Self.killed, exit: 137)
    #expect(
      cause
        == RootCause(
          text:
            "rank 2 on node1 was killed by signal 9 (Killed) at step 123; its log: runs/x/logs/rank-2.log",
          code: .workerFailed,
          others: []))
    #expect(self.cause(Self.killed, exit: 137, step: nil).text.contains("(Killed); its log"))
    #expect(read(Self.killed).shown.isEmpty)
  }

  @Test func theMessagesOfTheRanksThatLostItAreShownFirst() {
    let cause = cause(
      "rank 0 on node1: the connection is gone\nrank 1 on node1: the connection is gone\n"
        + Self.killed, exit: 137)
    #expect(cause.text.hasPrefix("rank 2 on node1 was killed by signal 9"))
    #expect(cause.others == ["ranks 0-1 on node1: the connection is gone"])
  }

  @Test func aSwiftTrapIsReportedWithItsMessage() {
    let text = """
      Trainer.swift:12: Fatal error: Index out of range
      [vm:07867] *** Process received signal ***
      [vm:07867] Signal: Illegal instruction (4)
      [vm:07867] *** End of error message ***
      \(Self.aborted)
      \(Self.dashes)
      mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 4 (Illegal instruction).
      \(Self.dashes)
      """
    #expect(
      cause(text, exit: 132).text
        == "rank 1 on vm was killed by signal 4 (Illegal instruction) at step 123: Fatal error: Index out of range; its log: runs/x/logs/rank-1.log"
    )
    #expect(read(text).shown == ["Trainer.swift:12: Fatal error: Index out of range"])
  }

  @Test(
    arguments: zip(
      [64, 65, 78, 70, 1, 42] as [Int32],
      [ExitCode.usage, .data, .mpiUnusable, .workerFailed, .workerFailed, .workerFailed]))
  func aWorkersErrorIsTheCauseWithItsExitCode(status: Int32, code: ExitCode) {
    let text = """
      rank 1 on vm: train.bin: byte 16: 60000 images declared, 12 there
      rank 0 on vm: train.bin: byte 16: 60000 images declared, 12 there
      rank 1 on vm: train.bin: byte 16: 60000 images declared, 12 there
      \(Self.dashes)
      MPI_ABORT was invoked on rank 1 in communicator MPI_COMM_WORLD
      with errorcode \(status).

      NOTE: invoking MPI_ABORT causes Open MPI to kill all MPI processes.
      You may or may not see output from other processes, depending on
      exactly when Open MPI kills them.
      \(Self.dashes)
      """
    let text2 = "ranks 0-1 on vm: train.bin: byte 16: 60000 images declared, 12 there"
    #expect(cause(text, exit: status) == RootCause(text: text2, code: code, others: []))
    #expect(read(text).shown.isEmpty)
  }

  @Test func ofDifferentErrorsTheFirstIsTheCause() {
    let faults = (0..<4).map {
      MpirunOutputParser.Fault(
        rank: $0, host: $0 < 2 ? "a" : "b", message: $0 == 3 ? "other" : "same")
    }
    #expect(
      RootCause.grouped(faults) == [
        "ranks 0-1 on a: same", "rank 2 on b: same", "rank 3 on b: other",
      ])
    let cause = cause("rank 3 on b: first\nrank 0 on a: second", exit: 70)
    #expect(cause.text == "rank 3 on b: first" && cause.others == ["rank 0 on a: second"])
  }

  @Test func aRankThatEndsWithoutAMessageIsNamed() {
    let text = """
      \(Self.aborted)
      \(Self.dashes)
      mpirun detected that one or more processes exited with non-zero status, thus causing
      the job to be terminated. The first process to do so was:

        Process name: [[31469,1],3]
        Exit code:    3
      \(Self.dashes)
      """
    #expect(
      cause(text, exit: 3).text
        == "rank 3 ended with exit code 3 at step 123; its log: runs/x/logs/rank-3.log")
  }

  @Test func workersThatStoppedAfterACheckpointDidNotFail() {
    let text = """
      mpirun: abort is already in progress...hit ctrl-c again to forcibly terminate

      \(Self.dashes)
      mpirun detected that one or more processes exited with non-zero status, thus causing
      the job to be terminated. The first process to do so was:

        Process name: [[31469,1],0]
        Exit code:    75
      \(Self.dashes)
      """
    #expect(cause(text, exit: 1).code == .stopped)
    #expect(read(text).shown.isEmpty)
  }

  @Test func tooFewSlotsAreNamed() {
    let text = """
      \(Self.dashes)
      There are not enough slots available in the system to satisfy the 20
      slots that were requested by the application:

        true
      \(Self.dashes)
      """
    let cause = cause(text, exit: 1, step: nil)
    #expect(
      cause.code == .usage
        && cause.text.hasPrefix("there are not enough slots for this many ranks: "))
  }

  @Test func aWorkerMissingOnAHostIsNamed() {
    let text = """
      \(Self.dashes)
      mpirun was unable to launch the specified application as it could not access
      or execute an executable:

      Executable: /opt/lockstep-worker
      Node: node2

      while attempting to start process rank 0.
      \(Self.dashes)
      2 total processes failed to start
      """
    #expect(
      cause(text, exit: 132)
        == RootCause(
          text:
            "/opt/lockstep-worker cannot be executed on node2: install the same build at the same path on every host",
          code: .mpiUnusable,
          others: []))
    #expect(read(text).shown.isEmpty)
  }

  @Test func aDaemonThatEndsIsALostHostDuringARunAndABadStartBefore() {
    var reader = MpirunOutputParser()
    let box = String(repeating: "-", count: 74)
    for line in [
      box, "ORTE was unable to reliably start one or more daemons.", "This usually is caused by:",
      box,
    ] { _ = reader.read(line) }
    let running = RootCause(ending: .exited(1), faults: reader, step: 12, directory: nil)
    #expect(
      running.code == .workerFailed && running.lostUnnamedHost
        && running.text.hasPrefix("a host can no longer be reached at step 12"))
    let starting = RootCause(ending: .exited(1), faults: reader, step: nil, directory: nil)
    #expect(
      starting.code == .mpiUnusable && !starting.lostUnnamedHost
        && starting.text.hasPrefix("mpirun could not start on every host"))
  }

  @Test func anEndWithoutWordsDuringARunMayBeALostHost() {
    func cause(_ ending: RootCause.Ending, _ step: Int?) -> RootCause {
      RootCause(ending: ending, faults: MpirunOutputParser(), step: step, directory: nil)
    }
    let silent = cause(.exited(137), 7)
    #expect(silent.lostUnnamedHost && silent.text == "mpirun ended with exit code 137 at step 7")
    #expect(!cause(.exited(137), nil).lostUnnamedHost && !cause(.exited(0), 7).lostUnnamedHost)
    #expect(!cause(.signalled(9), 7).lostUnnamedHost)
  }

  @Test func anUnreachableHostIsNamedWithTheMessageOfSSH() {
    let text = """
      ssh: Could not resolve hostname nosuch: Name or service not known
      \(Self.dashes)
      ORTE was unable to reliably start one or more daemons.
      This usually is caused by:
      \(Self.dashes)
      """
    let cause = cause(text, exit: 255, step: nil)
    #expect(
      cause.code == .mpiUnusable
        && cause.text.contains(
          "(ssh: Could not resolve hostname nosuch: Name or service not known)")
    )
  }

  @Test func aLostHostIsNamed() {
    let text = """
      \(Self.dashes)
      ORTE has lost communication with a remote daemon.

        HNP daemon   : [[5134,0],0] on node node1
        Remote daemon: [[5134,0],2] on node node3

      This is usually due to either a failure of the TCP network
      connection to the node, or possibly an internal failure of
      the daemon itself. We cannot recover from this failure, and
      therefore will terminate the job.
      \(Self.dashes)
      """
    let cause = cause(text, exit: 205)
    #expect(
      cause.code == .workerFailed
        && cause.text.hasPrefix("node3 can no longer be reached at step 123"))
  }

  @Test func anOptionThatMpirunDoesNotKnowIsAUsageError() {
    let cause = cause(
      "mpirun: Error: unknown option \"--bogus\"\nType 'mpirun --help' for usage.", exit: 1)
    #expect(
      cause.code == .usage && cause.text == "mpirun: unknown option \"--bogus\" (see --mpirun-arg)")
  }

  @Test func anUnknownFailureIsReportedWithItsStatus() {
    #expect(
      cause("", exit: 9, step: 5).text
        == "mpirun ended with exit code 9 at step 5; its words: runs/x/logs/mpirun.log")
    #expect(
      RootCause(
        ending: .signalled(9), faults: MpirunOutputParser(), step: nil, directory: RunDirectory("d")
      ).text
        == "mpirun was killed by signal 9; its words: d/logs/mpirun.log")
  }

  @Test(arguments: ["rank 1", "rank x on a: b", "rank 1 on a b: c", "ranked", "hello"])
  func otherLinesAreShown(line: String) {
    #expect(read(line).shown == [line])
  }
}
