import Glibc

/// The standard output of the mpirun that this rank was started by.
///
/// Once its reader has gone away, as `head` does, each line that a rank prints costs mpirun a
/// SIGPIPE, and after ten of them it ends the job.
public enum LauncherOutput {
  /// Whether somebody can still read it, as far as can be known from here: mpirun may be on another
  /// host.
  public static func hasReader(of process: Int32 = getppid()) -> Bool {
    let path = "/proc/\(process)/fd/1"
    guard SmallFiles.link(path)?.hasPrefix("pipe:") == true else { return true }
    // The end to write into is in error once nothing has the other end open.
    let file = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return true }
    defer { close(file) }
    var state = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
    return poll(&state, 1, 0) <= 0 || Int32(state.revents) & Int32(POLLERR) == 0
  }
}
