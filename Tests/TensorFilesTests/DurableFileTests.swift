import Files
import Foundation
import TensorFiles
import Testing

@Suite struct DurableFileTests {
  let files = TemporaryFiles()

  @Test func nothingHasTheNameUntilItIsPublished() throws {
    _ = files.write("target", [1])
    var file = try DurableFile(path: files.path + "/target")
    try file.write(([2, 3] as [UInt8]).span.bytes)
    #expect(files.bytes("target") == [1])
    #expect(files.names.count == 2)
    try file.write(([4] as [UInt8]).span.bytes)
    #expect(file.byteCount == 3)
    try file.publish()
    #expect(files.bytes("target") == [2, 3, 4])
    #expect(files.names == ["target"])
  }

  @Test func droppingItLeavesNothing() throws {
    do {
      var file = try DurableFile(path: files.path + "/target")
      try file.write(([2, 3] as [UInt8]).span.bytes)
      #expect(files.names.count == 1)
    }
    #expect(files.names == [])
  }

  @Test func errorsNamePathAndCauseAndLeaveNothing() {
    let missing = #expect(throws: FileError.self) {
      try DurableFile.write("x", to: files.path + "/no/target")
    }
    #expect(
      missing?.description
        == "\(files.path)/no/target: cannot be created: No such file or directory; check the directory and its permissions"
    )
    try! FileManager.default.createDirectory(
      atPath: files.path + "/directory/inner", withIntermediateDirectories: true)
    let taken = #expect(throws: FileError.self) {
      try DurableFile.write("x", to: files.path + "/directory")
    }
    #expect(
      taken?.description
        == "\(files.path)/directory: cannot be given its name: Is a directory; check what has that name already"
    )
    #expect(files.names == ["directory"])
    for path in ["", "a/", ".", "a/.."] {
      #expect(throws: FileError.self) { try DurableFile.write("x", to: path) }
    }
  }

  @Test func aRelativePathIsBesideTheWorkingDirectory() async {
    await #expect(processExitsWith: .exitCode(0)) { [directory = files.path as String] in
      guard chdir(directory) == 0 else { exit(2) }
      try DurableFile.write("x", to: "relative")
      exit(FileManager.default.contents(atPath: directory + "/relative") == Data("x".utf8) ? 0 : 1)
    }
  }

  /// A limit on file sizes makes the kernel write a part and then refuse, as a full disk does.
  @Test func aFullDiskIsAnErrorAndLeavesNothing() async {
    await #expect(processExitsWith: .exitCode(0)) { [directory = files.path as String] in
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      func isEmpty() -> Bool {
        (try? FileManager.default.contentsOfDirectory(atPath: directory)) == []
      }
      var file = try DurableFile(path: directory + "/target")
      do throws(FileError) {
        try file.write([UInt8](repeating: 1, count: 10_000).span.bytes)
        exit(1)
      } catch {
        guard error.offset == 4096,
          error.what == "5904 more bytes cannot be written: File too large"
        else { exit(2) }
      }
      guard isEmpty() else { exit(3) }
      do { try file.publish() } catch { exit(isEmpty() ? 0 : 4) }
      exit(5)
    }
  }
}

@Suite struct DurableDirectoryTests {
  let files = TemporaryFiles()

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
    _ = files.write("step-1/old", [1])
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
    _ = files.write(".tmp-step-1-0123/a", [1])
    _ = files.write(".tmp-b-0123", [1])
    _ = files.write("kept", [1])
    DurableDirectory.removeLeftovers(in: files.path)
    #expect(files.names == ["kept"])
    DurableDirectory.removeLeftovers(in: files.path + "/no")
  }
}
