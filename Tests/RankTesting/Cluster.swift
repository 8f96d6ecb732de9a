import Foundation

/// Several hosts on this machine for one test (`Tests/Cluster/up`): each with its own name,
/// address, /tmp and /dev/shm. The hosts end with the last reference.
public final class Cluster {
  /// The directory that every host sees, with the scripts that control the hosts.
  public let directory: String

  /// Whether hosts can be started: that needs root, and a kernel that allows namespaces.
  public static let isPossible: Bool =
    geteuid() == 0 && TestMPI.endsOnSeveralHosts
    && (try? Programs.run(
      "/usr/bin/env",
      ["unshare", "--net", "--uts", "--ipc", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]))?
      .status == 0
    && (try? Programs.run("/usr/bin/env", ["ip", "link"]))?.status == 0
  public static let need =
    "several hosts on one machine need root, network namespaces, iproute2 and another MPI than MPICH 4.0"

  /// Whether Slurm can be started on the hosts (`Tests/Cluster/slurm/start`).
  public static let hasSlurm =
    isPossible
    && ["slurmctld", "slurmd", "munged"].allSatisfy {
      FileManager.default.isExecutableFile(atPath: "/usr/sbin/\($0)")
    }

  /// Starts `node1`, `node2`, …
  public init(hosts: Int) throws {
    let up = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Cluster/up").path
    let outcome = try Programs.run(up, ["-w", "\(getpid())", "\(hosts)"])
    guard outcome.status == 0, let last = outcome.output.split(separator: "\n").last else {
      throw Failure(text: outcome.errors)
    }
    directory = String(last)
  }

  deinit {
    _ = try? Programs.run(directory + "/down", [])
    try? FileManager.default.removeItem(atPath: directory)
  }

  /// The standard error of a script that failed.
  public struct Failure: Error {
    public let text: String
    public init(text: String) { self.text = text }
  }

  /// A program on a host, started in the directory that every host sees.
  public func on(_ host: String, _ command: [String], environment: [String: String] = [:]) throws
    -> RunningProgram
  {
    // Whichever mpirun it is reaches the other hosts by it: Open MPI 4, 5, Hydra.
    let names = ["OMPI_MCA_plm_rsh_agent", "PRTE_MCA_plm_ssh_agent", "HYDRA_LAUNCHER_EXEC"]
    var agent = Dictionary(uniqueKeysWithValues: names.map { ($0, directory + "/agent") })
    // UCX, which MPICH sends with, takes hosts that are namespaces of one machine for one host.
    if TestMPI.isMPICH { agent["UCX_TLS"] = "^sysv,posix,cma" }
    return try RunningProgram(
      directory + "/on", [host] + command, environment: environment.merging(agent) { $1 },
      directory: directory)
  }

  /// Runs a shell's line on a host and returns what it printed.
  @discardableResult
  public func shell(_ host: String, _ line: String) throws -> String {
    let outcome = try on(host, ["sh", "-ec", line]).finish()
    guard outcome.status == 0 else { throw Failure(text: "\(host): \(line): \(outcome.errors)") }
    return outcome.output
  }

  /// A host's own file, as this process can open it.
  public func file(_ path: String, of host: String) throws -> URL {
    URL(filePath: "/proc/\(try identifier(of: host))/root\(path)")
  }

  /// The processes that run on a host.
  public func processes(of host: String) throws -> [(identifier: Int32, name: String)] {
    let manager = FileManager.default
    let own = try manager.destinationOfSymbolicLink(
      atPath: "/proc/\(try identifier(of: host))/ns/net")
    return try manager.contentsOfDirectory(atPath: "/proc").compactMap { entry in
      guard let identifier = Int32(entry),
        (try? manager.destinationOfSymbolicLink(atPath: "/proc/\(entry)/ns/net")) == own,
        let name = try? String(contentsOfFile: "/proc/\(entry)/comm", encoding: .utf8)
      else { return nil }
      return (identifier, name.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }

  /// The process that holds a host's namespaces.
  private func identifier(of host: String) throws -> String {
    try String(contentsOfFile: "\(directory)/pids/\(host)", encoding: .utf8).trimmingCharacters(
      in: .whitespacesAndNewlines)
  }

  /// `link HOST down|up|RATE`, `crash HOST`.
  public func change(_ script: String, _ arguments: [String]) throws {
    let outcome = try Programs.run("\(directory)/\(script)", arguments)
    guard outcome.status == 0 else { throw Failure(text: outcome.errors) }
  }
}
