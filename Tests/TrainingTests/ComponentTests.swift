import RankTesting
import Testing

/// Trainers made from their parts, some of which are not Lockstep's.
@Suite struct ComponentTests {
  /// Without an experiment file, the bits of the experiment that says the same.
  @Test func partsReachTheBitsOfAnExperiment() throws { try run(["components"]) }

  /// A reducer with a state of its own is resumed to the same bits.
  @Test func aReducersStateIsResumed() throws {
    let folder = TemporaryFolder()
    try run(["stateful-reducer", folder.path])
    #expect(folder.exists("on-3/checkpoints/step-00000008/reducer.safetensors"))
  }

  /// An optimiser's evaluation weights are evaluated and saved, by every reducer.
  @Test func averagedWeightsAreEvaluatedAndSaved() throws {
    let folder = TemporaryFolder()
    try run(["averaged-weights", folder.path])
  }

  private func run(_ arguments: [String]) throws {
    let outcome = try Programs.mpirun(3, arguments)
    #expect(outcome.status == 0, "\(outcome.rankLines)")
  }
}
