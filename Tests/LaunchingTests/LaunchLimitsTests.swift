import Foundation
import Launching
import Processes
import Testing

/// Limits that would keep mpirun from starting are named before it starts.
struct LaunchLimitsTests {
  // D3, D6
  @Test func eachLimitIsNamedWithItsRemedy() {
    let enough = LaunchLimits(openFiles: 1024, fileBytes: nil)
    #expect(enough.problem(ranks: 64) == nil)
    #expect(LaunchLimits(openFiles: nil, fileBytes: nil).problem(ranks: 65536) == nil)
    #expect(
      LaunchLimits(openFiles: 24, fileBytes: nil).problem(ranks: 2)?.contains(
        "only 24 files may be open (ulimit -n); mpirun needs 36 for 2 ranks") == true)
    #expect(LaunchLimits(openFiles: 36, fileBytes: nil).problem(ranks: 2) == nil)
    #expect(
      LaunchLimits(openFiles: 1024, fileBytes: 51200).problem(ranks: 2)?.contains(
        "51200 bytes (ulimit -f)") == true)
    let missing = LaunchLimits(
      openFiles: 1024, fileBytes: nil, temporary: ("/nowhere", "is not there"))
    #expect(
      missing.problem(ranks: 1)?.contains("/nowhere, is not there: mpirun needs it; point TMPDIR")
        == true)
  }

  // F
  @Test func theLineThatResumesARunCanBePasted() {
    #expect(
      ResumeLine.text([
        "lockstep", "run", "a b.toml", "-n", "2", "--force", "--set", "name=\"it's\"",
      ])
        == "lockstep run 'a b.toml' -n 2 --set 'name=\"it'\\''s\"' --resume")
    #expect(
      ResumeLine.text(["lockstep", "run", "a.toml", "--resume"]) == "lockstep run a.toml --resume")
    #expect(ResumeLine.text(["lockstep", "gallery", "--force"], option: nil) == "lockstep gallery")
  }

  // D4: after ten writes to a pipe without a reader mpirun ends the job.
  @Test func aRankSeesWhetherMpirunsOutputIsRead() throws {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/cat")
    process.standardInput = Pipe()
    let output = Pipe()
    process.standardOutput = output
    // The process must not hold the other end of the pipe open.
    _ = fcntl(output.fileHandleForReading.fileDescriptor, F_SETFD, FD_CLOEXEC)
    try process.run()
    defer { kill(process.processIdentifier, SIGKILL) }
    try output.fileHandleForWriting.close()
    #expect(LauncherOutput.hasReader(of: process.processIdentifier))
    try output.fileHandleForReading.close()
    #expect(!LauncherOutput.hasReader(of: process.processIdentifier))
    #expect(LauncherOutput.hasReader(of: 1 << 22 + 1), "what cannot be seen is taken to be read")
  }
}
