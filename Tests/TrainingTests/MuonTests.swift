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
}
