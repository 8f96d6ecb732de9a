import RankTesting
import Testing

@Suite struct ScheduleEndTests {
  /// B7 and B8: the program checks itself.
  @Test func onlyTheLastStepHasTheFinalRateWhateverTheBatch() throws {
    let folder = TemporaryFolder()
    folder.write(
      """
      seed = 3
      [model]
      kind = "logistic"
      [data]
      kind = "blobs"
      samples = 1000
      spread = 6.0
      [training]
      micro_batch = 25
      [optimizer]
      learning_rate = 0.1
      [schedule]
      kind = "cosine"
      final_rate = 0.002
      [checkpoint]
      every = 5
      keep = 4
      """, to: "test.toml")
    let outcome = try Programs.mpirun(2, ["schedule-ends", folder.path])
    outcome.expectCasesPass()
    print("schedule-ends, \(outcome.seconds) s")
  }
}
