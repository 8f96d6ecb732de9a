/// The program that reaches other hosts, the one that mpirun uses, and its arguments.
public struct RemoteShell: Sendable, Equatable {
  /// Program and options, before the host's name.
  public var command: [String]

  /// Finds what mpirun would use: Open MPI's setting `plm_rsh_agent` (5: `plm_ssh_agent`) or Hydra's
  /// `-launcher-exec` on its command line or in the environment, else ssh, else rsh. Nil where there
  /// is none. `program` finds a program on the PATH.
  public init?(
    mpirunArguments: [String], environment: [String: String], program: (String) -> String?
  ) {
    let setting =
      Self.setting(in: mpirunArguments) ?? Self.names.lazy.compactMap {
        environment["OMPI_MCA_\($0)"] ?? environment["PRTE_MCA_\($0)"]
      }.first ?? environment["HYDRA_LAUNCHER_EXEC"] ?? "ssh : rsh"
    for choice in setting.split(separator: ":") {
      var words = choice.split(separator: " ").map(String.init)
      guard let name = words.first, let path = name.hasPrefix("/") ? name : program(name) else {
        continue
      }
      words[0] = path
      // A question for a password would wait for ever, and a host that is down for minutes.
      if path.hasSuffix("/ssh") {
        words += ["-x", "-o", "BatchMode=yes", "-o", "ConnectTimeout=6"]
      }
      command = words
      return
    }
    return nil
  }

  private static let names = ["plm_rsh_agent", "plm_ssh_agent", "orte_rsh_agent", "pls_rsh_agent"]

  private static func setting(in arguments: [String]) -> String? {
    for index in arguments.indices.dropLast()
    where ["-launcher-exec", "--launcher-exec"].contains(arguments[index]) {
      return arguments[index + 1]
    }
    for index in arguments.indices.dropFirst()
    where names.contains(arguments[index]) && index + 1 < arguments.count {
      if ["--mca", "-mca", "--gmca", "-gmca", "--prtemca"].contains(arguments[index - 1]) {
        return arguments[index + 1]
      }
    }
    return nil
  }

  /// As people call it.
  public var name: String {
    command.first.map { String($0.split(separator: "/").last ?? "") } ?? ""
  }

  /// Has `host` run a program, from `directory` where it has that, with some variables set.
  /// Whatever shell the user has there, sh reads the line.
  public func line(
    host: String, directory: String, variables: [(name: String, value: String)], _ program: [String]
  ) -> [String] {
    let settings = variables.map { "\($0.name)=\(MpirunCommand.quoted($0.value))" }
    let words = (settings.isEmpty ? [] : ["env"] + settings) + program.map(MpirunCommand.quoted)
    let script =
      "cd \(MpirunCommand.quoted(directory)) 2>/dev/null || cd /; exec \(words.joined(separator: " "))"
    return command + [host, "exec /bin/sh -c " + MpirunCommand.quoted(script)]
  }
}
