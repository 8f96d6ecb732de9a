import FoundationEssentials

/// A git repository as its files describe it: no program is started under MPI.
package enum GitCheckout {
  /// The commit that is checked out in the repository around a file or directory, of a linked
  /// worktree too; nil where there is none, or where its name cannot be read.
  package static func revision(around path: String) -> String? {
    let start = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    var folder = URL(filePath: start).standardizedFileURL.path
    while true {
      if let directories = directories(of: folder) { return commit(directories) }
      guard let slash = folder.lastIndex(of: "/"), folder != "/" else { return nil }
      folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
    }
  }

  /// Where a checkout's own files lie, and those that it shares with the other worktrees of its
  /// repository.
  private static func directories(of folder: String) -> (own: String, shared: String)? {
    var own = folder + "/.git"
    if let link = read(own), link.hasPrefix("gitdir:") {
      // A linked worktree or a submodule.
      own = absolute(trimmed(link.dropFirst("gitdir:".count)), from: folder)
    }
    guard FileManager.default.fileExists(atPath: own + "/HEAD") else { return nil }
    return (own, read(own + "/commondir").map { absolute($0, from: own) } ?? own)
  }

  private static func commit(_ directories: (own: String, shared: String)) -> String? {
    guard let head = read(directories.own + "/HEAD") else { return nil }
    guard head.hasPrefix("ref:") else { return name(head) }
    let branch = trimmed(head.dropFirst("ref:".count))
    if let commit = read("\(directories.own)/\(branch)") ?? read("\(directories.shared)/\(branch)")
    {
      return name(commit)
    }
    let packed = read(directories.shared + "/packed-refs") ?? ""
    return packed.split(separator: "\n").first { $0.hasSuffix(" \(branch)") }.flatMap {
      name(String($0.prefix { $0 != " " }))
    }
  }

  /// A commit's name, SHA-1 or SHA-256.
  private static func name(_ text: String) -> String? {
    [40, 64].contains(text.utf8.count)
      && text.utf8.allSatisfy { ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66) }
      ? text : nil
  }

  private static func absolute(_ path: String, from folder: String) -> String {
    path.hasPrefix("/") ? path : folder + "/" + path
  }

  private static func read(_ path: String) -> String? {
    // A directory, or a pipe, is no file of git's.
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard attributes?[.type] as? FileAttributeType == .typeRegular else { return nil }
    return FileManager.default.contents(atPath: path).map {
      trimmed(String(decoding: $0, as: UTF8.self)[...])
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
