import RankTesting
import Testing

/// Muon's matrices against the iteration in Double, their owners, and the bits of runs at 1 to 4
/// ranks. Whole steps are tested with the other optimisers (`norm-rates`) and against PyTorch
/// (``GoldenTests``).
@Suite struct MuonTests {
  @Test func matricesAreOrthogonalizedByTheirOwners() throws {
    let folder = TemporaryFolder()
    let outcome = try Programs.mpirun(4, ["muon", folder.path])
    outcome.expectCasesPass()
    print("muon, \(outcome.seconds) s")
  }

  @Test func aReducerThatDividesAMatrixIsRefused() throws {
    let outcome = try Programs.mpirun(3, ["muon-divided"])
    #expect(outcome.status != 0)
    #expect(
      outcome.rankLines.filter { $0.contains("the reducer divides 0.weight among ranks") }.count
        == 1, "\(outcome.errors)")
  }
}
