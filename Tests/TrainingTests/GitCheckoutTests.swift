import Foundation
import RankTesting
import Testing
import Training

/// The sources and the compiler as `environment.json` names them; fault list F.
@Suite struct GitCheckoutTests {
  private let folder: TemporaryFolder
  private let commit = String(repeating: "0123456789abcdef", count: 3).prefix(40)

  init() throws { folder = TemporaryFolder() }

  private func write(_ text: String, _ name: String) throws {
    let url = URL(filePath: folder.path + "/" + name)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: url, atomically: true, encoding: .utf8)
  }

  @Test func aBranchADetachedHeadAndPackedReferencesAreRead() throws {
    try write("ref: refs/heads/main\n", "a/.git/HEAD")
    try write("\(commit)\n", "a/.git/refs/heads/main")
    try write("", "a/experiments/deep/x.toml")
    #expect(
      GitCheckout.revision(around: folder.path + "/a/experiments/deep/x.toml") == String(commit))
    #expect(
      GitCheckout.revision(around: folder.path + "/a/not-there/../experiments") == String(commit))
    try write("\(commit)\n", "b/.git/HEAD")
    #expect(GitCheckout.revision(around: folder.path + "/b") == String(commit))
    try write("ref: refs/heads/topic\n", "c/.git/HEAD")
    let other = String(repeating: "f", count: 40)
    try write(
      "# pack-refs with: peeled\n\(other) refs/heads/my/refs/heads/topic\n\(commit) refs/heads/topic\n",
      "c/.git/packed-refs")
    #expect(GitCheckout.revision(around: folder.path + "/c") == String(commit))
  }

  /// The revision was null in a linked worktree, whose `.git` is a file.
  @Test func aLinkedWorktreeIsRead() throws {
    try write("ref: refs/heads/main\n", "main/.git/HEAD")
    try write("ref: refs/heads/topic\n", "main/.git/worktrees/w/HEAD")
    try write("../..\n", "main/.git/worktrees/w/commondir")
    try write("\(commit)\n", "main/.git/refs/heads/topic")
    try write("gitdir: \(folder.path)/main/.git/worktrees/w\n", "w/.git")
    #expect(GitCheckout.revision(around: folder.path + "/w") == String(commit))
  }

  @Test func anInvalidCommitIsNil() throws {
    try write("ref: refs/heads/.invalid\n", "reftable/.git/HEAD")
    #expect(GitCheckout.revision(around: folder.path + "/reftable") == nil)
    try write("\(commit.uppercased())x\n", "odd/.git/HEAD")
    #expect(GitCheckout.revision(around: folder.path + "/odd") == nil)
  }

  @Test func theCompilerIsTheOneThatBuiltThis() throws {
    let swift = try Programs.run("/usr/bin/env", ["swiftc", "--version"])
    let version = try #require(buildCompilerVersion())
    #expect("\(swift.output)\(swift.errors)".contains("Swift version \(version) "), "\(version)")
  }
}
