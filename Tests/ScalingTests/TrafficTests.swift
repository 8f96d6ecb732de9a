import Scaling
import Testing

/// Traffic of the exchanges against the closed forms of Thakur, Rabenseifner and Gropp (2005), and
/// against invariants.
@Suite struct TrafficTests {
  private let bytes = 64e6

  @Test func oneRankAHostHasTheTrafficOfThePaper() throws {
    for p in [2, 3, 4, 5, 6, 8, 16, 31] {
      let flat = try #require(
        ExchangePattern.messages.step(
          bytes: bytes, ledgerBytes: 0, on: Placement(ranks: p, perHost: 1)))
      let share = Double(p - 1) / Double(p)
      #expect(
        abs(flat.reduce.linkBytes - bytes * share) < 1
          && flat.reduce.networkRounds == Double(p - 1), "\(p): \(flat)")
      #expect(
        abs(flat.publish.linkBytes - bytes * share) < 1,
        "\(p): an all-gather brings everybody what they lack, once: \(flat.publish)")
      #expect(flat.total.localRounds == 0)
    }
    // A power of two of ranks: Rabenseifner's allreduce sends 2(p − 1)/p of the vector in 2·log₂p
    // rounds.
    for (p, log) in [(2, 1.0), (4, 2), (8, 3), (64, 6)] {
      let all = try #require(
        ExchangePattern.replicated.step(
          bytes: bytes, ledgerBytes: 0, on: Placement(ranks: p, perHost: 1))
      ).reduce
      #expect(
        all.networkRounds == 2 * log
          && abs(all.linkBytes - 2 * bytes * Double(p - 1) / Double(p)) < 1, "\(p): \(all)")
    }
  }

  @Test func theHierarchySendsOnlyWhatHostsLack() throws {
    for (hosts, places) in [(2, 2), (3, 2), (4, 8), (16, 64)] {
      let placement = Placement(ranks: hosts * places, perHost: places)
      let shared = try #require(
        ExchangePattern.shared.step(bytes: bytes, ledgerBytes: 0, on: placement))
      let least = bytes * Double(hosts - 1) / Double(hosts)
      #expect(
        abs(shared.reduce.linkBytes - least) < 1 && abs(shared.publish.linkBytes - least) < 1,
        "\(hosts) × \(places): \(shared)")
      // Within one host's memory nothing is sent.
      let one = try #require(
        ExchangePattern.shared.step(
          bytes: bytes, ledgerBytes: 0, on: Placement(ranks: places, perHost: places)))
      #expect(
        one.total.linkBytes == 0 && one.total.networkRounds == 0 && one.reduce.touchedBytes == bytes
      )
      for pattern in ExchangePattern.allCases {
        let step = try #require(pattern.step(bytes: bytes, on: placement)).total
        #expect(
          step.linkBytes >= (pattern == .replicated ? 2 : 1) * least * (1 - 1e-9),
          "\(pattern): no host can lack less")
        #expect(step.touchedBytes > 0 && step.networkRounds > 0)
      }
    }
    #expect(ExchangePattern.shared.step(bytes: bytes, on: Placement([0, 0, 1])) == nil)
    for pattern in ExchangePattern.allCases {
      #expect(
        pattern.step(bytes: bytes, on: Placement([0]))?.total == Traffic(),
        "alone there is nothing to do")
    }
  }

  @Test func sixteenThousandRanksAreCountedFast() throws {
    for pattern in ExchangePattern.allCases {
      let step = try #require(pattern.step(bytes: bytes, on: Placement(ranks: 16384, perHost: 8)))
        .total
      #expect(step.linkBytes.isFinite && step.linkBytes > bytes)
    }
  }

  @Test func ranksFillHostsEvenly() {
    #expect(
      Placement(ranks: 5, onHosts: 3).hosts == [0, 0, 1, 1, 2]
        && Placement(ranks: 4, onHosts: 8).hostCount == 4)
    #expect(
      Placement(ranks: 5, perHost: 3).hosts == [0, 0, 0, 1, 1]
        && Placement(ranks: 5, perHost: 3).ranksPerHost == nil)
    #expect(Placement(names: ["b", "a", "b"]).hosts == [0, 1, 0])
  }

  @Test func aFitRecoversTheModelFromItsTimes() throws {
    let truth = ExchangeModel(
      networkLatency: 60e-6, localLatency: 4e-6, linkOverhead: 1.06, touching: 0.6e-9)
    var points: [ExchangeModel.Point] = []
    for (hosts, rank) in [(1, 2), (2, 1), (2, 2)] {
      for size in [4e3, 1e6, 4e6] {
        for speed in [12.5e6, 25e6] {
          let placement = Placement(ranks: hosts * rank, perHost: rank)
          let pattern = rank > 1 ? ExchangePattern.shared : .messages
          let traffic = try #require(pattern.step(bytes: size, on: placement)).total
          points.append(
            .init(traffic, seconds: truth.seconds(traffic, bandwidth: speed), bandwidth: speed))
        }
      }
    }
    let fit = try #require(ExchangeModel(fitting: points))
    for (a, b) in [
      (fit.networkLatency, truth.networkLatency), (fit.localLatency, truth.localLatency),
      (fit.linkOverhead, truth.linkOverhead),
      (fit.touching, truth.touching),
    ] { #expect(abs(a / b - 1) < 1e-6, "\(fit)") }
    // Without a stated speed it is fitted, from points that have one.
    let same = points.filter { $0.bandwidth == 25e6 }.map {
      ExchangeModel.Point($0.traffic, seconds: $0.seconds)
    }
    let fitted = try #require(ExchangeModel(fitting: same))
    let speed = try #require(fitted.bandwidth)
    #expect(abs(speed / (25e6 / 1.06) - 1) < 1e-6)
    #expect(ExchangeModel(fitting: []) == nil)
  }

  @Test func stepsOfOneAndTwoRanksGiveTheModel() throws {
    let exchange = ExchangeModel(networkLatency: 0, localLatency: 0, touching: 0)
    let model = try #require(StepModel(own: [(64, 5.4e-3), (32, 2.9e-3)], exchange: exchange))
    #expect(
      abs(model.fixed - 0.4e-3) < 1e-9
        && abs(model.own(samples: 8) - (0.4e-3 + 8 * 5e-3 / 64)) < 1e-9)
    let one = try #require(StepModel(own: [(64, 5.4e-3)], exchange: exchange))
    #expect(one.fixed == 0 && abs(one.own(samples: 32) - 2.7e-3) < 1e-12)
  }
}
