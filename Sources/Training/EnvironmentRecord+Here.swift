import ExperimentKeys
import FoundationEssentials
import Glibc
import MPI
import Models
import Reports
import Vectors

extension EnvironmentRecord {
  /// What this run runs with, as rank 0 sees it; `hosts` names each rank's host.
  static func here(hosts: [String], threads: Int, simulation: String? = nil) -> EnvironmentRecord {
    var names: [String] = []
    for host in hosts where !names.contains(host) { names.append(host) }
    return EnvironmentRecord(
      versions: [
        Version("lockstep", Release.version), Version("swift", swiftVersion), Version("mpi", mpiLibraryVersion()),
        Version("onednn", computeLibraryVersion()),
      ],
      hosts: names, ranksPerHost: names.map { name in hosts.count { $0 == name } }, cores: ProcessInfo.processInfo.activeProcessorCount,
      threads: threads,
      cpu: cpuName(),
      instructions: CPUInstructions(kernels: KernelInstructions.name, onednn: computeLibraryInstructions()), gitRevision: checkedOutCommit(around: "."), commandLine: CommandLine.arguments,
      simulation: simulation)
  }
}

private var swiftVersion: String {
  #if swift(>=6.3)
    "6.3"
  #else
    "6.2"
  #endif
}

private func cpuName() -> String {
  let text = FileManager.default.contents(atPath: "/proc/cpuinfo").map { String(decoding: $0, as: UTF8.self) } ?? ""
  let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
  return line?.split(separator: ":").last.map { String($0).trimmed } ?? "unknown"
}

/// The commit checked out in the repository around a directory, read from its files: no program is started under MPI.
private func checkedOutCommit(around directory: String) -> String? {
  var folder = URL(filePath: directory).standardizedFileURL.path
  if !folder.hasPrefix("/") { folder = FileManager.default.currentDirectoryPath }
  func read(_ path: String) -> String? { FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self).trimmed } }
  while true {
    if let head = read(folder + "/.git/HEAD") {
      guard head.hasPrefix("ref: ") else { return head }
      let name = String(head.dropFirst(5))
      if let commit = read(folder + "/.git/" + name) { return commit }
      let packed = read(folder + "/.git/packed-refs") ?? ""
      return packed.split(separator: "\n").first { $0.hasSuffix(" " + name) }.map { String($0.prefix { $0 != " " }) }
    }
    guard let slash = folder.lastIndex(of: "/"), folder != "/" else { return nil }
    folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
  }
}
