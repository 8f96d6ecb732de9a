import Foundation
import RankTesting
import Testing

extension MPITests {
  struct Failure {
    @Test(arguments: [(rank: 2, status: Int32(65)), (rank: 0, status: 70), (rank: 3, status: nil)])
    func `A rank that throws ends the job at once`(rank: Int, status: Int32?) throws {
      let tag = UUID().uuidString
      let arguments = ["throwing-rank", "\(rank)"] + (status.map { ["\($0)"] } ?? [])
      let outcome = try Programs.mpirun(4, arguments, environment: ["LOCKSTEP_TEST": tag])
      let end = Date()
      let text = status.map { "refused with \($0)" } ?? "an error of two lines"
      #expect(outcome.status == status ?? 1, outcome.account)
      try #require(outcome.failures.count == 1, outcome.account)
      let pieces = outcome.failures[0].split(separator: ", thrown at ")
      try #require(pieces.count == 2, outcome.account)
      #expect(pieces[0] == "rank \(rank) on \(hostName()): \(text)")
      let thrown = Date(timeIntervalSince1970: try #require(Double(pieces[1])))
      // From the throw on, because the start of a job takes longer on a busy machine.
      #expect(end.timeIntervalSince(thrown) < 2)
      #expect(processes(tagged: tag) == [])
    }

    @Test func `What a rank printed before it threw is not lost`() throws {
      // A job of one rank without mpirun, whose terminal would make ranks print line by line.
      let outcome = try Programs.run(Programs.path("rank-programs"), ["throwing-rank", "0", "67"])
      #expect(outcome.status == 67, outcome.account)
      #expect(outcome.output == "printed before\n", outcome.account)
    }

    @Test func `Processes left behind would be seen`() throws {
      let tag = UUID().uuidString
      let process = Process()
      let (input, output) = (Pipe(), Pipe())
      process.executableURL = URL(filePath: "/bin/cat")
      process.environment = ["LOCKSTEP_TEST": tag]
      process.standardInput = input
      process.standardOutput = output
      try process.run()
      // Once it answers it has its environment; it ends with its input.
      try input.fileHandleForWriting.write(contentsOf: Data("up\n".utf8))
      _ = try output.fileHandleForReading.read(upToCount: 1)
      #expect(processes(tagged: tag) == [process.processIdentifier])
      try input.fileHandleForWriting.close()
      process.waitUntilExit()
      #expect(processes(tagged: tag) == [])
    }

    @Test(arguments: [[3], [1, 4], [0, 1, 2, 3, 4]])
    func `A disagreement is reported once, by the lowest rank that failed`(failing: [Int]) throws {
      let outcome = try Programs.mpirun(5, ["disagreement"] + failing.map { "\($0)" })
      #expect(outcome.status == 60 + Int32(failing[0]), outcome.account)
      try #require(outcome.failures.count == 1, outcome.account)
      let line = outcome.failures[0].prefix { $0 != "," }
      #expect(line == "rank \(failing[0]) on \(hostName()): refused with \(60 + failing[0])")
      #expect(!outcome.output.contains("continued"), outcome.account)
    }
  }
}

private func hostName() -> String {
  let name = try? String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8)
  return (name ?? "").trimmingCharacters(in: .newlines)
}

/// The living processes that were started with this value of `LOCKSTEP_TEST`, or by one that was.
private func processes(tagged tag: String) -> [Int32] {
  let entry = Data("LOCKSTEP_TEST=\(tag)".utf8)
  let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
  return names.compactMap { Int32($0) }.filter { number in
    guard let environment = try? Data(contentsOf: URL(filePath: "/proc/\(number)/environ")) else {
      return false
    }
    return environment.range(of: entry) != nil
  }
}
