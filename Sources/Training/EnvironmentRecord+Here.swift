import Configuration
import ExperimentKeys
import FoundationEssentials
import Glibc
import MPI
import Models
import Recording
import Reports
import Vectors

extension EnvironmentRecord {
  /// What this run runs with, as rank 0 sees it; `hosts` names each rank's host.
  ///
  /// The git revision is that of the repository around the experiment file, and where there is none
  /// of the one around the working directory.
  static func here(hosts: [String], threads: Int, experiment: String, simulation: String? = nil)
    -> EnvironmentRecord
  {
    var names: [String] = []
    for host in hosts where !names.contains(host) { names.append(host) }
    return EnvironmentRecord(
      versions: [
        Version("lockstep", Release.version), Version("swift", buildCompilerVersion()),
        Version("mpi", mpiLibraryVersion()),
        Version("onednn", computeLibraryVersion()),
      ],
      hosts: names, ranksPerHost: names.map { name in hosts.count { $0 == name } },
      cores: ProcessInfo.processInfo.activeProcessorCount,
      threads: threads,
      cpu: cpuName(),
      instructions: .here,
      gitRevision: GitCheckout.revision(around: experiment) ?? GitCheckout.revision(around: "."),
      commandLine: CommandLine.arguments,
      simulation: simulation)
  }
}

extension CPUInstructions {
  /// What this process computes with.
  package static var here: CPUInstructions {
    let settings = ComputeSettings.current
    return CPUInstructions(
      kernels: KernelInstructions.name, onednn: computeLibraryInstructions(),
      openblas: settings.openBLAS?.name,
      products: settings.products.cpu.description)
  }
}

/// This machine's CPU as its kernel calls it.
package func cpuName() -> String {
  let text =
    FileManager.default.contents(atPath: "/proc/cpuinfo").map {
      String(decoding: $0, as: UTF8.self)
    } ?? ""
  let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
  return line?.split(separator: ":").last.map { String($0).trimmed } ?? "unknown"
}
