import ExperimentKeys
import Foundation
import GradientNorms
import Models
import Optimizers
import RankTesting
import Testing

/// What holds for every registered kind of rule, without a line for each.
@Suite struct EveryKindTests {
  @Test func everyKindResumesToTheSameBitsAtAnyRankCount() throws {
    let folder = TemporaryFolder()
    let outcome = try Programs.mpirun(3, ["every-kind", folder.path], limit: 300)
    outcome.expectCasesPass()
    let kinds = outcome.output.split(separator: "\n").filter { $0.hasPrefix("kind ") }
    let registry = Registry()
    #expect(
      kinds.count == registry.all(ClipRules.self).count + registry.all(StopRules.self).count
        + registry.all(Schedules.self).count + registry.all(RateRules.self).count
        + registry.all(OptimizerRules.self).count + registry.all(Losses.self).count)
    #expect(Set(kinds).count == kinds.count && kinds.count > 25)
  }
}
