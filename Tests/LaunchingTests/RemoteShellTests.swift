import Launching
import Testing

struct RemoteShellTests {
  private func shell(
    _ arguments: [String] = [], _ environment: [String: String] = [:],
    has: [String] = ["ssh", "rsh", "oarsh"]
  )
    -> RemoteShell?
  {
    RemoteShell(mpirunArguments: arguments, environment: environment) {
      has.contains($0) ? "/usr/bin/\($0)" : nil
    }
  }

  @Test func theShellIsTheOneThatMpirunWouldUse() {
    #expect(
      shell()?.command == ["/usr/bin/ssh", "-x", "-o", "BatchMode=yes", "-o", "ConnectTimeout=6"])
    #expect(shell(has: ["rsh"])?.command == ["/usr/bin/rsh"])
    #expect(shell(has: []) == nil)
    #expect(shell([], ["OMPI_MCA_plm_rsh_agent": "/a/agent -q"])?.command == ["/a/agent", "-q"])
    #expect(
      shell(["--mca", "plm_rsh_agent", "oarsh"], ["OMPI_MCA_plm_rsh_agent": "/a/agent"])?.name
        == "oarsh")
    #expect(
      shell(["--mca", "plm_rsh_agent", "missing : ssh -p 22"])?.command.prefix(3) == [
        "/usr/bin/ssh", "-p", "22",
      ])
  }

  @Test func aCommandSurvivesTwoShells() throws {
    let line = try #require(shell([], ["OMPI_MCA_plm_rsh_agent": "/a/agent"])).line(
      host: "b", directory: "/home/it's", variables: [(name: "X", value: "a b")],
      ["/opt/worker", "--probe-file", "/data/$HOME/x y"])
    #expect(line.prefix(2) == ["/a/agent", "b"] && line.count == 3)
    let inner =
      #"cd '/home/it'\''s' 2>/dev/null || cd /; exec env X='a b' /opt/worker --probe-file '/data/$HOME/x y'"#
    #expect(line[2] == "exec /bin/sh -c " + MpirunCommand.quoted(inner))
  }
}
