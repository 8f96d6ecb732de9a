import Files
import Foundation
import RankTesting
import TensorFiles
import Testing

@Suite struct DurableDirectoryTests {
  let files = TemporaryFolder()

  @Test func itAppearsWithAllItHolds() throws {
    let directory = try DurableDirectory(path: files.path + "/step-1")
    #expect(directory.temporaryPath.hasPrefix(files.path + "/.tmp-step-1-"))
    try DurableFile.write("a", to: directory.temporaryPath + "/a")
    try FileManager.default.createDirectory(
      atPath: directory.temporaryPath + "/inner", withIntermediateDirectories: false)
    try DurableFile.write("b", to: directory.temporaryPath + "/inner/b")
    try directory.publish()
    #expect(files.names == ["step-1"])
    #expect(files.bytes("step-1/a") == Array("a".utf8))
    #expect(files.bytes("step-1/inner/b") == Array("b".utf8))
  }

  @Test func droppingItOrFailingLeavesNothing() throws {
    do {
      let directory = try DurableDirectory(path: files.path + "/step-1")
      try DurableFile.write("a", to: directory.temporaryPath + "/a")
    }
    #expect(files.names == [])

    try FileManager.default.createDirectory(
      atPath: files.path + "/step-1", withIntermediateDirectories: false)
    _ = files.write([1], to: "step-1/old")
    let directory = try DurableDirectory(path: files.path + "/step-1")
    do {
      try directory.publish()
      Issue.record("a directory was replaced")
    } catch { #expect(error.what == "cannot be given its name: Directory not empty") }
    #expect(files.names == ["step-1"])
    #expect(files.bytes("step-1/old") == [1])
    do {
      _ = try DurableDirectory(path: files.path + "/no/step-1")
      Issue.record("a directory was made in none")
    } catch { #expect(error.what == "cannot be created: No such file or directory") }
  }

  @Test func leftoversAreRemovedAndNothingElse() throws {
    try FileManager.default.createDirectory(
      atPath: files.path + "/.tmp-step-1-0123", withIntermediateDirectories: false)
    _ = files.write([1], to: ".tmp-step-1-0123/a")
    _ = files.write([1], to: ".tmp-b-0123")
    _ = files.write([1], to: "other")
    DurableDirectory.removeLeftovers(in: files.path)
    #expect(files.names == ["other"])
    DurableDirectory.removeLeftovers(in: files.path + "/no")
  }
}
