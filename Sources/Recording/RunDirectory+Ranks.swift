import Glibc

extension RunDirectory {
  /// The rank that was a process of a host, by what the ranks' logs say of themselves; nil where
  /// none does. A log of several starts holds several processes.
  public func rank(ofProcess process: Int32, on host: String) -> Int? {
    let words = " on \(host), process \(process);"
    return Self.entries(of: logs).lazy.compactMap { name -> Int? in
      guard name.hasPrefix("rank-"), name.hasSuffix(".log") else { return nil }
      return Int(name.dropFirst("rank-".count).dropLast(".log".count))
    }.first { rank in
      guard let file = fopen(log(ofRank: rank), "r") else { return false }
      defer { fclose(file) }
      var line: UnsafeMutablePointer<CChar>?
      var room = 0
      defer { free(line) }
      while getline(&line, &room, file) > 0 {
        if let line, strstr(line, words) != nil { return true }
      }
      return false
    }
  }
}
