import Files
import Foundation
import RankTesting
import TensorFiles
import Testing

@Suite struct DurableFileTests {
  let files = TemporaryFolder()

  @Test func nothingHasTheNameUntilItIsPublished() throws {
    _ = files.write([1], to: "target")
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

  @Test func aRelativePathStartsAtTheWorkingDirectory() async {
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
