import Files
import FoundationEssentials
import Launching
import Processes
import Recording

extension MpirunCommand {
  /// Runs workers that print one record, a line of JSON, and returns it; other lines go to standard
  /// error.
  /// - Throws: why there is none; the workers' other errors are printed before.
  func result<Record: Decodable & Sendable>(of type: Record.Type) async throws -> Record {
    let listener = Listener<Record>()
    let ending = try await Mpirun(self).run(.measuring) {
      await listener.output($0)
    } errors: {
      await listener.errors($0)
    }
    if ending == .exited(0), let result = await listener.result { return result }
    if let code = await StopControl.shared.interruption {
      throw CommandFailure(code, StopControl.interruptionText(code))
    }
    let cause = RootCause(ending: ending, faults: await listener.faults, step: nil, directory: nil)
    for other in cause.others { Terminal.error.write("lockstep: \(other)\n") }
    throw CommandFailure(cause.code, cause.text)
  }
}

/// Takes in what the workers and mpirun print.
private actor Listener<Record: Decodable & Sendable> {
  private(set) var result: Record?
  private(set) var faults = MpirunOutputParser()

  func output(_ line: [UInt8]) {
    if let result = try? JSONDecoder().decode(Record.self, from: Data(line)),
      impossibleCount(in: result) == nil
    {
      self.result = result
    } else {
      errors(line)
    }
  }

  func errors(_ line: [UInt8]) {
    if case .other(let words) = faults.read(PlainText.sanitized(line)) {
      Terminal.error.write(words + "\n")
    }
  }
}
