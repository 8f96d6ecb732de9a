import Foundation
import Recording
import Reports
import Scaling
import ScalingStudy
import Testing

/// Studies of fixed cores: ranks × threads.
struct DivisionStudyTests {
  /// Steps of so many milliseconds at 1, 2 and 4 ranks of 4 cores.
  private func study(_ milliseconds: [Double], spread: Double = 0.01) -> Study {
    let plan = StudyPlan(
      mode: .strong, ranks: [1, 2, 4], cores: 4, repeats: 2, steps: 60, warmUp: 10,
      targetLoss: nil, rate: .constant, seed: 1, experiment: "", simulation: nil)
    let counts = zip(plan.ranks, milliseconds).map { ranks, time -> RankCount in
      let runs = [1 - spread, 1 + spread].enumerated().map { index, factor in
        MeasuredRun(
          ranks: ranks, threads: plan.threads(ofRanks: ranks), attempt: index + 1,
          globalBatch: 256, hosts: [String](repeating: "a", count: ranks), cores: 4, cpu: "Zen",
          step: Quartiles([time * 1e-3 * factor])!,
          parts: [PhaseTimes](repeating: PhaseTimes(), count: ranks))
      }
      return RankCount(runs, isOversubscribed: false, exchange: nil)
    }
    return Study(
      name: "made up", plan: plan, microBatch: 32, counts: counts, predicting: [],
      on: Study.Cluster(ranksPerHost: 4, latency: 0, bandwidth: 1, assumptions: []))
  }

  @Test func thePlanDividesTheCores() throws {
    let plan = study([1, 1, 1]).plan
    #expect([1, 2, 4].map(plan.threads(ofRanks:)) == [4, 2, 1])
    let text = JSONText(of: plan).string
    #expect(try JSONDecoder().decode(StudyPlan.self, from: Data(text.utf8)) == plan)
    var other = plan
    other.cores = 8
    #expect(!other.measuresTheSame(as: plan))
    // Plans of earlier versions have neither key.
    (other.cores, other.threads) = (nil, nil)
    #expect(!JSONText(of: other).string.contains("cores") && other.threads(ofRanks: 3) == 1)
  }

  @Test func theTableSaysWhatIsFastestAndWhetherItSurelyIs() {
    let sure = study([10, 8, 9])
    let text = StudyText(sure).text
    #expect(text.hasPrefix("made up: ranks × threads on 4 cores, 256 samples a step"), "\(text)")
    #expect(text.contains("\nfastest: 2 ranks × 2 threads\n"), "\(text)")
    #expect(text.contains(/\n +2 +2 +256 +8\.0/), "\(text)")
    #expect(text.contains("over those of 4 ranks × 1 thread"))
    for word in ["efficiency", "Amdahl", "USL", "a step  "] { #expect(!text.contains(word)) }
    #expect(abs(sure.speedUp(sure.counts[1]) - 9.0 / 8) < 1e-9)
    let unsure = StudyText(study([10, 8, 8.1], spread: 0.05)).text
    #expect(
      unsure.contains(
        "fastest: 2 ranks × 2 threads; not surely: the quartiles of 4 ranks × 1 thread overlap with its own"
      ), "\(unsure)")
  }

  @Test func thePageDrawsStepsByThreads() {
    let page = StudyPage(study([10, 8, 9])).html
    #expect(page.contains("Step by threads a rank") && page.contains("4 ranks × 1 thread"))
    #expect(!page.contains("Speed-up") && !page.contains("Fitted"))
    let rows = StudyCSV(study([10, 8, 9])).text.split(separator: "\n")
    #expect(rows[0].hasSuffix(",threads") && rows[1].hasSuffix(",4") && rows[6].hasSuffix(",1"))
  }
}
