import RankTesting
import Testing

@Suite struct SimulatedNetworkReducerTests {
  @Test func aSimulatedClusterIsSlowAndChangesNoBit() throws {
    let outcome = try Programs.mpirun(3, ["simulated"])
    outcome.expectCasesPass()
    let beyond = try Programs.mpirun(
      2, ["/dev/null", "--simulate", "straggler=2:3", "--output", "/nowhere"],
      program: "lockstep-worker")
    #expect(beyond.status == 64)
  }
}
