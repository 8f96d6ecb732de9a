import Scaling
import Testing

@Suite struct SimulationTests {
  @Test(arguments: [
    ("20us", 20e-6), ("1.5ms", 1.5e-3), ("800ns", 800e-9), ("0.1s", 0.1), ("20µs", 20e-6),
    ("0us", 0),
  ])
  func timesAreRead(_ text: String, _ seconds: Double) throws {
    #expect(abs(try #require(Link.seconds(text)) - seconds) < 1e-15)
  }

  @Test(arguments: [
    ("10Gbit/s", 1.25e9), ("200mbit", 25e6), ("1.2GB/s", 1.2e9), ("100Mb/s", 12.5e6),
    ("8kbit/s", 1000), ("1gbps", 1.25e8), ("64bit", 8),
  ])
  func speedsAreRead(_ text: String, _ speed: Double) throws {
    #expect(abs(try #require(Link.bytesPerSecond(text)) / speed - 1) < 1e-12)
  }

  @Test func anInvalidQuantityIsNil() {
    for text in ["", "us", "20", "-3us", "nan s", "20 furlongs", "infs"] {
      #expect(Link.seconds(text) == nil, "\(text)")
    }
    for text in ["", "Gbit/s", "10", "-1Gbit", "10Gbyte"] {
      #expect(Link.bytesPerSecond(text) == nil, "\(text)")
    }
  }

  @Test func aClusterIsRead() throws {
    let simulation = try Simulation("latency=20us,bandwidth=10Gbit/s,hosts=4,straggler=2:1.5")
    #expect(simulation.hosts == 4 && simulation.latency == 20e-6 && simulation.bandwidth == 1.25e9)
    #expect(simulation.factor(ofRank: 2) == 1.5 && simulation.factor(ofRank: 0) == 1)
    #expect(simulation.placement(ranks: 8).hosts == [0, 0, 1, 1, 2, 2, 3, 3])
    #expect(
      simulation.description(ranks: 8)
        == "4 hosts of 2 ranks, links of 10 Gbit/s and 20 µs; rank 2 computes in 1.5 times its time"
    )
    #expect(
      abs(
        simulation.seconds(
          Traffic(networkRounds: 3, localRounds: 9, linkBytes: 1.25e9, touchedBytes: 7)) - 1.00006)
        < 1e-12)
    #expect(try Simulation("latency=1ms").placement(ranks: 3).hostCount == 3, "every rank a host")
  }

  @Test(arguments: [
    ("", "wanted latency="), ("latency", "wanted latency="), ("latency=fast", "latency=fast"),
    ("bandwidth=0Gbit/s", "bandwidth=0Gbit/s"),
    ("hosts=0", "hosts=0"), ("straggler=2", "straggler=2"), ("straggler=-1:2", "straggler=-1:2"),
    ("straggler=1:0.5", "from 1 to 1000"),
    ("hosts=2,hosts=3", "hosts is given twice"), ("speed=1", "\"speed\": there are latency"),
  ])
  func mistakesAreNamed(_ text: String, _ words: String) {
    #expect { try Simulation(text) } throws: { error in "\(error)".contains(words) }
  }
}
