import Foundation
import RankTesting
import Testing

extension MPITests {
  /// What must not compile, compiled: a caller's mistakes that the binding's types rule out.
  struct CompileTime {
    struct Snippet: Sendable, CustomTestStringConvertible {
      let testDescription: String
      /// The one complaint, a part of its text.
      let complaint: String
      let text: String

      init(_ description: String, _ complaint: String, _ text: String) {
        (testDescription, self.complaint, self.text) = (description, complaint, text)
      }

      /// A snippet whose body works on messages in flight.
      static func messages(_ description: String, _ complaint: String, _ body: String) -> Snippet {
        Snippet(
          description, complaint,
          """
          func use(_ world: borrowing Communicator) throws {
            var given: [Float] = [1, 2]
            var values: [Float] = [3, 4]
            var span = values.mutableSpan
            let sending = try world.startSend(given.span, to: 0, tag: 7)
            let receiving = try world.startReceive(&span, from: .any, tag: .any)
          \(body)
            try sending.wait()
            given[0] = values[0]
          }
          """)
      }

      /// A snippet whose body works on a request in flight.
      static func inFlight(_ description: String, _ complaint: String, _ body: String) -> Snippet {
        Snippet(
          description, complaint,
          """
          func use(_ world: borrowing Communicator) throws {
            var values: [Float] = [1, 2]
            var span = values.mutableSpan
            var request = try world.startAllReduce(&span, .sum)
            _ = request.test()
          \(body)
          }
          """)
      }
    }

    static let rejected: [Snippet] = [
      .inFlight(
        "waiting twice", "'request' consumed more than once",
        "  try request.wait()\n  try request.wait()"),
      .inFlight(
        "testing after waiting", "'request' used after consume",
        "  try request.wait()\n  _ = request.test()"),
      .inFlight(
        "writing in flight", "overlapping accesses to 'span'", "  span[0] = 1\n  try request.wait()"
      ),
      .inFlight(
        "reading in flight", "overlapping accesses to 'span'",
        "  let first = span[0]\n  try request.wait()\n  print(first)"),
      .inFlight(
        "writing the array in flight", "overlapping accesses to 'values'",
        "  values[0] = 1\n  try request.wait()"),
      .inFlight(
        "starting on memory in flight", "overlapping accesses to 'span'",
        "  let second = try world.startBroadcast(&span)\n  try second.wait()\n  try request.wait()"),
      .messages(
        "waiting twice for a message", "'receiving' consumed more than once",
        "  try receiving.wait()\n  try receiving.wait()"),
      .messages(
        "writing what is received", "overlapping accesses to 'span'",
        "  span[0] = 1\n  try receiving.wait()"),
      .messages(
        "reading what is received", "overlapping accesses to 'span'",
        "  let first = span[0]\n  try receiving.wait()\n  print(first)"),
      .messages(
        "reading the array that is received into", "overlapping accesses to 'values'",
        "  print(values[0])\n  try receiving.wait()"),
      .messages(
        "receiving twice into the same memory", "overlapping accesses to 'span'",
        "  let second = try world.startReceive(&span, from: 0, tag: 1)\n  try second.wait()\n"
          + "  try receiving.wait()"),
      .messages(
        "sending what is being received", "overlapping accesses to 'values'",
        "  let second = try world.startSend(values.span, to: 0, tag: 1)\n  try second.wait()\n"
          + "  try receiving.wait()"),
      .messages(
        "writing what is sent", "overlapping accesses to 'given'",
        "  given[0] = 1\n  try receiving.wait()"),
      Snippet(
        "returning a started send", "escapes its scope",
        """
        func start(_ world: borrowing Communicator) throws -> Request {
          let given: [Float] = [1, 2]
          return try world.startSend(given.span, to: 0, tag: 7)
        }
        """),
      Snippet(
        "returning a started receive", "escapes its scope",
        """
        func start(_ world: borrowing Communicator) throws -> ReceiveRequest {
          var values: [Float] = [1, 2]
          var span = values.mutableSpan
          return try world.startReceive(&span, from: .any, tag: 7)
        }
        """),
      Snippet(
        "keeping a started send longer than its memory", "escapes its scope",
        """
        func use(_ world: borrowing Communicator) throws {
          let kept: Request
          do {
            let given: [Float] = [1, 2]
            kept = try world.startSend(given.span, to: 0, tag: 7)
          }
          try kept.wait()
        }
        """),
      Snippet(
        "storing a started receive", "escapes its scope",
        "final class Box { var request: ReceiveRequest? }"),
      Snippet(
        "freeing a borrowed communicator", "'ranks' is borrowed and cannot be consumed",
        "try withCommunicator(borrowing: nil) { ranks in try ranks.free() }".inThrowingFunction),
      Snippet(
        "keeping a borrowed communicator", "'ranks' is borrowed and cannot be consumed",
        "var kept: Communicator?\n  try withCommunicator(borrowing: nil) { ranks in kept = consume ranks }\n  _ = kept?.rank"
          .inThrowingFunction),
      Snippet(
        "returning a request", "escapes its scope",
        """
        func start(_ world: borrowing Communicator) throws -> Request {
          var values: [Float] = [1, 2]
          var span = values.mutableSpan
          return try world.startAllReduce(&span, .sum)
        }
        """),
      Snippet(
        "keeping a request longer than its memory", "escapes its scope",
        """
        func use(_ world: borrowing Communicator) throws {
          let kept: Request
          do {
            var values: [Float] = [1, 2]
            var span = values.mutableSpan
            kept = try world.startAllReduce(&span, .sum)
          }
          try kept.wait()
        }
        """),
      Snippet(
        "storing a request", "escapes its scope", "final class Box { var request: Request? }"),
      Snippet(
        "freeing the world", "'world' is borrowed and cannot be consumed",
        "withMPI { world in try world.free() }".inFunction),
      Snippet(
        "keeping the world", "'world' is borrowed and cannot be consumed",
        "var kept: Communicator?\n  withMPI { world in kept = consume world }\n  _ = kept?.rank"
          .inFunction),
      Snippet(
        "writing a shared part while another is read", "overlapping accesses to 'window'",
        """
        func use(_ node: borrowing Communicator) throws {
          var window = try SharedWindow<Float>(on: node, count: 2)
          let part = window.part(of: 0)
          var own = window.own
          own[0] = part[1]
        }
        """),
      Snippet(
        "reading a window given back",
        "noncopyable 'window' cannot be consumed when captured by an escaping closure or borrowed",
        """
        func use(_ node: borrowing Communicator) throws {
          let window = try SharedWindow<Float>(on: node, count: 2)
          let part = window.part(of: 0)
          try window.free()
          print(part[0])
        }
        """),
      Snippet(
        "sending what MPI has no type for", "requires that 'String' conform to 'Datatype'",
        "func use(_ world: borrowing Communicator) throws { _ = try world.allGather([\"text\"].span) }"
      ),
      Snippet(
        "adding locations", "static property 'sum' requires that 'ValueAndRank' conform to",
        "func use(_ world: borrowing Communicator) throws { _ = try world.allReduce(ValueAndRank(1, at: 1), .sum) }"
      ),
    ]

    @Test func `What waits in time compiles`() throws {
      let snippet = Snippet.inFlight(
        "waiting", "", "  try request.wait()\n  span[0] = 3\n  values[0] = 1\n  try world.barrier()"
      )
      let outcome = try compile(snippet)
      #expect(outcome.status == 0 && !outcome.errors.contains("error:"), outcome.account)
    }

    @Test func `Messages that are waited for in time compile`() throws {
      // What is being sent may be read, and sent again.
      let snippet = Snippet.messages(
        "waiting", "",
        "  print(given[0])\n  let second = try world.startSend(given.span, to: 0, tag: 8)\n"
          + "  try receiving.wait()\n  span[0] = 3\n  try second.wait()")
      let outcome = try compile(snippet)
      #expect(outcome.status == 0 && !outcome.errors.contains("error:"), outcome.account)
    }

    @Test(arguments: rejected)
    func `Misuse does not compile`(snippet: Snippet) throws {
      let outcome = try compile(snippet)
      #expect(outcome.status != 0, outcome.account)
      let complaints = outcome.errors.split(separator: "\n").filter { $0.contains(" error: ") }
      #expect(
        !complaints.isEmpty && complaints.allSatisfy { $0.contains(snippet.complaint) },
        outcome.account)
    }

    /// As far as the checks of ownership go, against the modules that the tests were built with.
    private func compile(_ snippet: Snippet) throws -> Outcome {
      let folder = FileManager.default.temporaryDirectory.appending(
        path: "lockstep-snippet-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let file = folder.appending(path: "snippet.swift")
      try "import MPI\n\n\(snippet.text)\n".write(to: file, atomically: true, encoding: .utf8)
      let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      let isOther = (ProcessInfo.processInfo.environment["LOCKSTEP_MPI"] ?? "openmpi") != "openmpi"
      let package = isOther ? "lockstep-mpi" : "ompi-c"
      let flags = try Programs.run("/usr/bin/env", ["pkg-config", "--cflags-only-I", package])
        .output.split(whereSeparator: \.isWhitespace)
      // Not to /dev/null: a compiler that fails removes its output, as root even that.
      var command = [
        "swiftc", "-emit-sil", "-o", folder.appending(path: "snippet.sil").path,
        "-swift-version", "6", "-enable-experimental-feature", "Lifetimes",
        "-diagnostic-style", "llvm", "-I", Programs.directory.appending(path: "Modules").path,
      ]
      for target in ["CMPI", "CProcess", "CFlightRecorder/include", "CMPIYield/include"] {
        let map = "\(root.path)/Sources/\(target)/module.modulemap"
        command += ["-Xcc", "-fmodule-map-file=\(map)"]
      }
      for flag in flags { command += ["-Xcc", String(flag)] }
      return try Programs.run("/usr/bin/env", command + [file.path])
    }
  }
}

extension String {
  fileprivate var inThrowingFunction: String { "func use() throws {\n  \(self)\n}" }
  fileprivate var inFunction: String { "func use() {\n  \(self)\n}" }
}
