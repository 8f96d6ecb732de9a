import Foundation
import Recording
import Scaling
import ScalingStudy
import Testing

/// The verdict of a study on its fits, from synthetic measurements whose right answer is known. //
/// B6
@Suite struct EvidenceTests {
  /// Throughputs of ranks, three repeats each, one a per cent above and one below.
  private func points(_ counts: [Int], _ throughput: (Double) -> Double) -> [(
    ranks: Int, throughput: Double
  )] {
    counts.flatMap { ranks in [0.99, 1, 1.01].map { (ranks, throughput(Double(ranks)) * $0) } }
  }

  // MARK: Laws

  @Test func aLawThatTheMeasurementsFollowIsUsable() throws {
    let amdahl = FittedLaw(.amdahl, points([1, 2, 4, 8]) { 100 * $0 / (1 + 0.1 * ($0 - 1)) })
    #expect(amdahl.evidence.verdict == .usable && amdahl.evidence.reasons.isEmpty)
    #expect(abs(try #require(amdahl.fit).coefficients[0].value - 0.1) < 0.005)
    #expect(
      (amdahl.evidence.points, amdahl.evidence.rankCounts, amdahl.evidence.degreesOfFreedom) == (
        12, 4, 10
      ))
    #expect(amdahl.evidence.heldOutCount == 4 && (amdahl.evidence.heldOutError ?? 1) < 0.02)
    let universal = FittedLaw(
      .usl, points([1, 2, 4, 8, 16]) { 100 * $0 / (1 + 0.05 * ($0 - 1) + 0.004 * $0 * ($0 - 1)) })
    let peak = try #require(universal.fit?.peak)
    #expect(universal.evidence.verdict == .usable && abs(peak - (0.95 / 0.004).squareRoot()) < 2)
  }

  @Test func tooFewRankCountsSupportNoLaw() {
    for law in ScalingLaw.allCases {
      let numbers = law.coefficientNames.count + 1
      let counts = Array([1, 2, 4, 8, 16].prefix(numbers))
      let short = FittedLaw(law, points(counts) { 100 * $0 / (1 + 0.1 * ($0 - 1)) })
      #expect(short.fit == nil && short.evidence.verdict == .none, "\(law) from \(counts)")
      #expect(
        short.evidence.reasons == [
          "measured at \(numbers) rank counts that are not oversubscribed, and its \(numbers) numbers take \(numbers + 1)"
        ])
      let enough = FittedLaw(
        law,
        points(Array([1, 2, 4, 8, 16].prefix(numbers + 1))) { 100 * law.speedUp($0, [0.1, 0.001]) })
      #expect(enough.evidence.verdict == .usable, "\(law): \(enough.evidence.reasons)")
    }
    #expect(FittedLaw(.amdahl, []).evidence.verdict == .none)
  }

  /// Among them two points for which an unbounded fit gives σ = 6.28.
  @Test(arguments: [
    [1: 100.0, 2: 27.5], [1: 100, 2: 250], [1: 100, 2: 10, 4: 5],
    [1: 100, 2: 260, 4: 700, 8: 1900], [1: 100, 2: 100, 4: 100, 8: 100],
    [1: 100, 2: 30, 4: 170, 8: 40],
  ])
  func coefficientsAndTheirIntervalsStayWithinBounds(_ throughputs: [Int: Double]) {
    let points = points(throughputs.keys.sorted()) { throughputs[Int($0)]! }
    for law in ScalingLaw.allCases {
      guard let fit = ScalingFit(law, points) else { continue }
      for (estimate, bounds) in zip(fit.coefficients, law.bounds) {
        #expect(bounds.contains(estimate.value), "\(law): \(estimate)")
        if let interval = estimate.interval() {
          #expect(
            interval.lowerBound >= bounds.lowerBound && interval.upperBound <= bounds.upperBound,
            "\(law): \(interval)")
        }
      }
    }
  }

  /// The bounded solution against a search over a fine grid.
  @Test func atABoundTheFitIsTheBestAllowed() throws {
    let superlinear = points([1, 2, 4, 8]) { 100 * $0 * (1 + 0.02 * ($0 - 1)) }
    let fit = try #require(ScalingFit(.usl, superlinear))
    #expect(fit.coefficients.map(\.value) == [0, 0])
    let concave = points([1, 2, 4, 8]) { 100 * $0 / (1 - 0.02 * ($0 - 1) + 0.02 * $0 * ($0 - 1)) }
    let mixed = try #require(ScalingFit(.usl, concave))
    func squares(_ sigma: Double, _ kappa: Double) -> Double {
      // λ enters linearly: Σ(1 − λ·C/X)² is least at ΣC/X / Σ(C/X)².
      let ratios = concave.map {
        ScalingLaw.usl.speedUp(Double($0.ranks), [sigma, kappa]) / $0.throughput
      }
      let base = ratios.reduce(0, +) / ratios.reduce(0) { $0 + $1 * $1 }
      return ratios.reduce(0) { $0 + (1 - base * $1) * (1 - base * $1) }
    }
    var best = (sigma: 0.0, kappa: 0.0, squares: Double.infinity)
    for sigma in stride(from: 0, through: 0.1, by: 0.001) {
      for kappa in stride(from: 0, through: 0.05, by: 0.0001) {
        let found = squares(sigma, kappa)
        if found < best.squares { best = (sigma, kappa, found) }
      }
    }
    #expect(
      mixed.coefficients[0].value == best.sigma
        && abs(mixed.coefficients[1].value - best.kappa) <= 0.0002, "\(mixed), \(best)")
  }

  @Test func missedMeasurementsLowerTheVerdictStepByStep() {
    func evidence(_ error: Double) -> Evidence {
      Evidence(
        points: 9, rankCounts: 3, degreesOfFreedom: 7,
        heldOut: [(1 + error, 1), (2 * (1 + error), 2), (100, 1)])
    }
    #expect(evidence(0.02).verdict == .usable && evidence(0.15).verdict == .usable)
    #expect(
      evidence(0.16).verdict == .weak
        && evidence(0.16).reasons == ["it misses what was left out by 16 %, more than 15 %"])
    #expect(
      evidence(0.5).verdict == .weak && evidence(0.51).verdict == .none
        && evidence(1.27).reasons == ["it misses what was left out by 127 %"])
    #expect(Evidence(points: 6, rankCounts: 2, degreesOfFreedom: 4, heldOut: []).verdict == .none)
    var lowered = evidence(0.51)
    lowered.lower(to: .weak, "more")
    #expect(lowered.verdict == .none && lowered.reasons.count == 2, "a verdict never rises")
  }

  // MARK: Studies

  /// A synthetic machine: 10 µs a sample, 50 µs a round within it, 1 ns a byte taken in.
  private let truth = StepModel(
    fixed: 1e-3, perSample: 1e-5,
    exchange: ExchangeModel(networkLatency: 0, localLatency: 5e-5, touching: 1e-9))

  private func study(
    _ counts: [Int], _ mode: StudyPlan.Mode = .strong, oversubscribed: Set<Int> = [],
    predicting: [Int] = [64],
    slower: (Int) -> Double = { _ in 1 }
  ) -> Study {
    let plan = StudyPlan(
      mode: mode, ranks: counts, repeats: 2, steps: 60, warmUp: 10, targetLoss: nil,
      rate: .constant, seed: 1, experiment: "", simulation: nil)
    let measured = counts.map { ranks -> RankCount in
      let batch = mode == .strong ? 9600 : 960 * ranks
      let placement = Placement(ranks: ranks, perHost: ranks)
      func exchange(_ bytes: Int) -> ExchangePattern.Step {
        ExchangePattern.messages.step(bytes: Double(bytes), ledgerBytes: 1024, on: placement)!
      }
      let own = truth.own(samples: (Double(batch) / Double(ranks)).rounded(.up))
      let step = truth.seconds(own: own, .messages, exchange(1 << 20)) * slower(ranks)
      let runs = (1...2).map { attempt in
        MeasuredRun(
          ranks: ranks, attempt: attempt, globalBatch: batch,
          hosts: [String](repeating: "a", count: ranks), cores: 8, cpu: "Zen",
          step: Quartiles([step * 0.99, step, step * 1.01])!,
          parts: [PhaseTimes](
            repeating: PhaseTimes(data: 0, compute: own, reduce: step - own, norm: 0, optimizer: 0),
            count: ranks))
      }
      let sizes = [1 << 20, 1 << 16, 1 << 22].map { bytes in
        ExchangeTimes.Size(
          bytes: bytes, ledgerBytes: 1024, seconds: [truth.exchange.seconds(exchange(bytes).total)])
      }
      let times = ExchangeTimes(hosts: runs[0].hosts, pattern: "messages", sizes: sizes)
      return RankCount(
        runs, isOversubscribed: oversubscribed.contains(ranks),
        exchange: ranks > 1 && !oversubscribed.contains(ranks) ? times : nil)
    }
    let cluster = Study.Cluster(ranksPerHost: 4, latency: 20e-6, bandwidth: 1.25e9, assumptions: [])
    return Study(
      name: "made up", plan: plan, microBatch: 32, counts: measured, predicting: predicting,
      on: cluster)
  }

  private func json(_ study: Study) throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(JSONText(of: study).string.utf8))
        as? [String: Any])
  }

  @Test func eachModeHasItsOwnLaw() {
    #expect(study([1, 2, 4], .strong).laws.map(\.law) == [.amdahl, .usl])
    #expect(study([1, 2, 4], .weak).laws.map(\.law) == [.gustafson, .usl])
    #expect(
      !StudyText(study([1, 2, 4], .strong)).text.contains("Gustafson")
        && !StudyText(study([1, 2, 4], .weak)).text.contains("Amdahl"))
  }

  @Test func aStudyOfTwoRankCountsPredictsNothingAndReportsWhy() throws {
    for study in [
      study([1, 2]), study([1, 2, 4, 8], oversubscribed: [4, 8]), study([1]),
      study([4], oversubscribed: [4]),
    ] {
      #expect(
        study.predictions.isEmpty && study.evidence.verdict == .none
          && study.laws.allSatisfy { $0.fit == nil })
      let text = StudyText(study).text
      #expect(
        text.contains("a step     not supported: ")
          && text.contains("Amdahl     not supported: measured at "), "\(text)")
      #expect(!text.contains("predicted for") && !text.contains("σ ="))
      #expect(!StudyPage(study).html.contains("Predicted for"))
      let object = try json(study)
      #expect((object["predictions"] as? [Any])?.isEmpty == true)
      #expect((object["evidence"] as? [String: Any])?["verdict"] as? String == "none")
      let fits = try #require(object["fits"] as? [[String: Any]])
      #expect(
        fits.allSatisfy {
          $0["sigma"] == nil && ($0["evidence"] as? [String: Any])?["verdict"] as? String == "none"
        })
    }
  }

  @Test func textPageAndJSONAgree() throws {
    let usable = study([1, 2, 4, 8])
    #expect(usable.evidence.verdict == .usable && usable.predictions.map(\.ranks) == [64])
    #expect(
      StudyText(usable).text.contains("predicted for 4 ranks a host")
        && !StudyText(usable).text.contains("do not rely on this"))
    // Steps at three of the four counts are slower than in the model.
    let weak = study([1, 2, 4, 8], slower: { $0 == 2 ? 1 : 1.4 })
    #expect(weak.evidence.verdict == .weak && weak.predictions.count == 1)
    let none = study([1, 2, 4, 8], slower: { $0 == 1 ? 1 : 4 })
    #expect(none.evidence.verdict == .none && none.predictions.isEmpty)
    for study in [usable, weak, none] {
      let (text, page) = (StudyText(study).text, StudyPage(study).html)
      let object = try json(study)
      let evidence = try #require(object["evidence"] as? [String: Any])
      #expect(
        evidence["verdict"] as? String == study.evidence.verdict.rawValue
          && evidence["reasons"] as? [String] == study.evidence.reasons)
      for reason in study.evidence.reasons {
        #expect(text.contains(reason) && page.contains(reason))
      }
      let warns = study.evidence.verdict == .weak
      #expect(
        text.contains("do not rely on this: ") == warns
          && page.contains("Do not rely on this: ") == warns)
      #expect((object["predictions"] as? [Any])?.count == study.predictions.count)
      let verdicts = try #require(object["fits"] as? [[String: Any]]).map {
        ($0["evidence"] as? [String: Any])?["verdict"] as? String
      }
      #expect(verdicts == study.laws.map(\.evidence.verdict.rawValue))
    }
    let far = "64 ranks are 16 times the most that were measured"
    #expect(
      !StudyText(weak).text.contains("times the most")
        && StudyText(study([1, 2, 4])).text.contains(far))
  }

  @Test func pointsAreRowsOfATable() {
    let text = StudyCSV(study([1, 2], oversubscribed: [2])).text
    let rows = text.split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    #expect(rows.count == 5 && rows.allSatisfy { $0.count == rows[0].count })
    #expect(rows[0].prefix(5) == ["ranks", "repeat", "global_batch", "oversubscribed", "step_ms"])
    #expect(
      rows.dropFirst().map { Array($0.prefix(4)) } == [
        ["1", "1", "9600", "false"], ["1", "2", "9600", "false"], ["2", "1", "9600", "true"],
        ["2", "2", "9600", "true"],
      ])
    #expect(abs(Double(rows[1][4])! - 97) < 1e-9)
  }

  @Test(
    arguments: [
      ("straggler=2:1.5", 2, nil), ("straggler=2:1.5", 3, "straggler=2:1.5"),
      ("hosts=2,straggler=0:2,straggler=5:3,latency=1ms", 4, "hosts=2,straggler=0:2,latency=1ms"),
    ] as [(String, Int, String?)])
  func aStragglerCountsOnlyWhereItsRankExists(_ text: String, _ ranks: Int, _ left: String?) throws
  {
    #expect(try Simulation(text).text(ranks: ranks) == left)
  }
}
