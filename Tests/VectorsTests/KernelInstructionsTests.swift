import RankTesting
import Testing
import Vectors

/// The kernels are compiled for several sets of instructions, of which one is chosen when a program
/// starts.
@Suite struct KernelInstructionsTests {
  private static let names = ["avx512", "avx2", "baseline"]

  private func kernels(_ limit: String?) throws -> [[String]] {
    let outcome = try Programs.run(
      Programs.path("rank-programs"), ["kernels"], environment: ["LOCKSTEP_MAX_CPU": limit ?? ""])
    try #require(outcome.status == 0, "\(outcome.errors)")
    return outcome.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
  }

  // A2
  @Test(
    .enabled(
      if: names.contains(KernelInstructions.name),
      "there is one set of instructions on this kind of CPU"))
  func aVariableLimitsTheInstructionsAndOnlyWhatIsContractedRoundsDifferently() throws {
    let best = try kernels(nil)
    try #require(best[0].count == 2 && best.count > 100)
    let own = try #require(Self.names.firstIndex(of: best[0][1]))
    for (index, limit) in Self.names.enumerated() {
      let found = try kernels(limit)
      #expect(found[0][1] == Self.names[max(index, own)], "limited to \(limit)")
      try #require(found.count == best.count)
      for (line, wanted) in zip(found, best).dropFirst() {
        if wanted[0] == "exact" {
          #expect(line == wanted, "limited to \(limit)")
        } else {
          let (value, other) = (
            try #require(Double(line.last!)), try #require(Double(wanted.last!))
          )
          #expect(
            line.dropLast() == wanted.dropLast() && abs(value - other) <= 1e-5 * abs(other),
            "limited to \(limit): \(line), \(wanted)")
        }
      }
    }
    #expect(try kernels("AVX2")[0] == kernels("avx2")[0])
    let unknown = try kernels("avx3")
    #expect(unknown[0] == best[0] && unknown[1].joined(separator: " ") == "the limit is unknown")
  }

  @Test func anUnknownLimitEndsTheProgramsWithOneLine() throws {
    for (program, arguments) in [("lockstep", ["report", "/"]), ("lockstep-worker", ["x.toml"])] {
      let outcome = try Programs.run(
        Programs.path(program), arguments, environment: ["LOCKSTEP_MAX_CPU": "avx3"])
      #expect(outcome.status == 64)
      #expect(
        outcome.errors.contains("LOCKSTEP_MAX_CPU: wanted avx512, avx2 or baseline"),
        "\(outcome.errors)")
    }
  }
}
