import Glibc

/// Where the programs lie that a run needs.
enum Installation {
  /// The environment of this process.
  static func environment() -> [String: String] {
    var result: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let pair = String(cString: text)
      if let equals = pair.firstIndex(of: "="), equals > pair.startIndex {
        result[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
      }
      entry += 1
    }
    return result
  }

  /// The absolute path of a program on the PATH.
  static func program(_ name: String) -> String? {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    return path.split(separator: ":").lazy.filter { $0.hasPrefix("/") }.map { "\($0)/\(name)" }
      .first(where: isExecutable)
  }

  /// `lockstep-worker` beside this program's own file.
  static var worker: String { folder + "/lockstep-worker" }

  /// The experiment files that ship: `Launch/experiments` in a folder above this program's own file
  /// (the checkout that it was built in, from wherever it is started), or in the working directory;
  /// nil where there are none.
  static var experiments: String? {
    var above = folder
    while let slash = above.lastIndex(of: "/") {
      let place = above + "/Launch/experiments"
      if access(place, R_OK) == 0 { return place }
      above = String(above[..<slash])
    }
    return access("Launch/experiments", R_OK) == 0 ? "Launch/experiments" : nil
  }

  /// The directory of this program's own file.
  private static var folder: String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes {
      readlink("/proc/self/exe", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
    }
    let own = count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : ""
    return String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
  }

  static func isExecutable(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }
}
