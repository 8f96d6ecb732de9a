import Glibc

extension LaunchLimits {
  /// This process's limits, that of open files raised as far as the system lets it.
  public static func here(environment: [String: String]) -> LaunchLimits {
    var files = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0,
      files.rlim_cur < files.rlim_max, files.rlim_cur < 4096
    {
      files.rlim_cur = min(files.rlim_max, 4096)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
    }
    var size = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &size)
    return LaunchLimits(
      openFiles: count(files.rlim_cur), fileBytes: count(size.rlim_cur),
      temporary: temporaryProblem(environment))
  }

  private static func count(_ limit: rlim_t) -> Int? { limit > rlim_t(Int.max) ? nil : Int(limit) }

  private static func temporaryProblem(_ environment: [String: String]) -> (
    path: String, problem: String
  )? {
    let path =
      ["TMPDIR", "TEMP", "TMP"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? "/tmp"
    var status = stat()
    guard stat(path, &status) == 0 else {
      return (path, "is not there (\(String(cString: strerror(errno))))")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return (path, "is no directory") }
    guard access(path, W_OK | X_OK) == 0 else { return (path, "cannot be written") }
    var space = statvfs()
    guard statvfs(path, &space) == 0 else { return nil }
    if space.f_blocks > 0 && space.f_bavail * space.f_frsize < 1 << 20 {
      return (path, "has no space left on its disk")
    }
    if space.f_files > 0 && space.f_favail < 64 { return (path, "has no inodes left on its disk") }
    return nil
  }
}
