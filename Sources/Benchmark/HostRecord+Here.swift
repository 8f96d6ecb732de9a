import Files
import Glibc
import Launching
import MPI
import Models
import Processes
import Recording
import Reports
import Training
import TensorFiles
import Vectors

extension HostRecord {
  /// What this host has to say before a job. `data` are the files that a run reads on every host,
  /// `output` its run directory, `token` a file that the coordinator made in there, `launcher` the
  /// path at which mpirun expects its daemon.
  public static func here(data: [String], output: String?, token: String?, launcher: String?)
    -> HostRecord
  {
    let worker = linkTarget("/proc/self/exe")
    let files = data.map { path in
      do throws(FileError) {
        return DataFile(path: path, digest: try SHA256.fingerprint(ofFile: path), problem: nil)
      } catch {
        return DataFile(
          path: path, digest: nil,
          problem: access(path, F_OK) == 0 ? "cannot be read" : "there is no such file")
      }
    }
    let machine = Machine.current()
    let meminfo = SmallFiles.text("/proc/meminfo") ?? ""
    return HostRecord(
      host: hostName(), machine: SmallFiles.text("/proc/sys/kernel/random/boot_id") ?? hostName(),
      worker: worker,
      workerSHA256: (try? SHA256.digest(ofFile: "/proc/self/exe")) ?? "", mpi: mpiLibraryVersion(),
      hasLauncher: launcher.map { access($0, X_OK) == 0 } ?? true,
      directory: linkTarget("/proc/self/cwd"), data: files,
      outputProblem: output.flatMap(writingProblem),
      sharesOutput: token.map { access($0, F_OK) == 0 } ?? true, time: wallSeconds(),
      cores: machine.cores, cpu: cpuName(),
      instructions: .here,
      memory: kibibytes("MemTotal", in: meminfo) << 10,
      freeMemory: kibibytes("MemAvailable", in: meminfo) << 10,
      freeSharedMemory: freeBytes("/dev/shm"),
      numaNodes: machine.numaNodes, cacheDomains: machine.cacheDomains)
  }
}

/// Why a directory cannot be made or written, judged by the nearest one there is above it; nil
/// where it can.
private func writingProblem(_ path: String) -> String? {
  var place = path
  while access(place, F_OK) != 0 {
    guard let slash = place.lastIndex(of: "/") else { place = "."; break }
    place = slash == place.startIndex ? "/" : String(place[..<slash])
  }
  var status = stat()
  guard stat(place, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
    return "\(path) cannot be made: \(place) is no directory"
  }
  guard access(place, W_OK | X_OK) == 0 else {
    return "\(path) cannot be written: \(String(cString: strerror(errno))) (\(place))"
  }
  return nil
}

private func linkTarget(_ path: String) -> String {
  var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
  let count = buffer.withUnsafeMutableBytes {
    readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
  }
  return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : ""
}

private func wallSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

private func cpuName() -> String {
  let line = SmallFiles.text("/proc/cpuinfo")?.split(separator: "\n").first {
    $0.hasPrefix("model name")
  }
  return line?.split(separator: ":").last.map { String($0.drop { $0 == " " }) } ?? "unknown"
}

private func kibibytes(_ name: String, in meminfo: String) -> Int {
  let line = meminfo.split(separator: "\n").first { $0.hasPrefix("\(name):") }
  return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
}

private func freeBytes(_ path: String) -> Int? {
  var status = statvfs()
  return statvfs(path, &status) == 0 ? Int(status.f_bavail) * Int(status.f_frsize) : nil
}
