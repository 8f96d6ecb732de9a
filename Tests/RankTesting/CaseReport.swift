import Testing

/// The cases of a rank program, read from the lines `case NAME: …` that its ranks print.
public struct CaseReport: Sendable {
  /// A case in which checks failed.
  public struct Failure: Sendable, Equatable {
    public let name: String
    /// `rank RANK: TEXT` for each check, in the order in which the lines arrived.
    public var checks: [String]
  }

  public private(set) var planned: [String] = []
  public private(set) var passed: Set<String> = []
  public private(set) var failures: [Failure] = []

  /// The planned cases that neither passed nor failed, because the job ended before.
  public var notRun: [String] {
    planned.filter { name in !passed.contains(name) && !failures.contains { $0.name == name } }
  }

  /// Reads a program's standard error.
  public init(_ errors: String) {
    for line in errors.split(separator: "\n") where line.hasPrefix("case ") {
      let line = line.dropFirst("case ".count)
      if line.hasSuffix(": planned") {
        planned.append(String(line.dropLast(": planned".count)))
      } else if line.hasSuffix(": passed") {
        passed.insert(String(line.dropLast(": passed".count)))
      } else if let middle = line.firstRange(of: ": failed on ") {
        let name = String(line[..<middle.lowerBound])
        let check = String(line[middle.upperBound...])
        if let index = failures.firstIndex(where: { $0.name == name }) {
          failures[index].checks.append(check)
        } else {
          failures.append(Failure(name: name, checks: [check]))
        }
      }
    }
  }
}

extension Outcome {
  public var cases: CaseReport { CaseReport(errors) }

  /// Records an issue for each case of a rank program that failed, and one for all that were not
  /// run. A program that ends with another status than 0 without a failed case, or that ran no case,
  /// is an issue too.
  public func expectCasesPass(sourceLocation: SourceLocation = #_sourceLocation) {
    func record(_ text: String) {
      Issue.record(Comment(rawValue: text), sourceLocation: sourceLocation)
    }
    let cases = cases
    for failure in cases.failures {
      record("\(failure.name): " + failure.checks.joined(separator: "; "))
    }
    if !cases.notRun.isEmpty {
      record("not run: " + cases.notRun.joined(separator: "; "))
    }
    if status != 0 && cases.failures.isEmpty {
      record(
        "status \(status) without a failed case: \(rankLines.isEmpty ? errors : rankLines.joined(separator: "; "))"
      )
    }
    if status == 0 && cases.passed.isEmpty { record("no case was run") }
  }

  /// The lines that ranks printed on standard error: mpirun's own are left out.
  public var rankLines: [Substring] {
    errors.split(separator: "\n").filter { $0.hasPrefix("rank ") }
  }
}
