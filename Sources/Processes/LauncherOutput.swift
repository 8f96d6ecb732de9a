import Glibc

/// The standard output of the mpirun that this rank was started by.
///
/// Once its reader has gone away, as `head` does, each line that a rank prints costs mpirun a SIGPIPE, and after ten of them it ends the job.
public enum LauncherOutput {
  /// Whether somebody can still read it, as far as can be known from here: mpirun may be on another host.
  public static func hasReader(of process: Int32 = getppid()) -> Bool {
    let path = "/proc/\(process)/fd/1"
    var target = [UInt8](repeating: 0, count: 64)
    let count = target.withUnsafeMutableBytes { readlink(path, $0.bindMemory(to: CChar.self).baseAddress!, $0.count) }
    guard count > 0, String(decoding: target[..<count], as: UTF8.self).hasPrefix("pipe:") else { return true }
    // A pipe cannot be opened for writing where nothing has it open for reading.
    let file = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
    if file < 0 { return errno != ENXIO }
    close(file)
    return true
  }
}
