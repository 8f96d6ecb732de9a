import Scaling
import Testing

/// How cores are divided between ranks and threads.
struct CoreDivisionTests {
  private typealias Host = CoreDivision.Host

  private func division(
    _ hosts: [CoreDivision.Host], ranks: Int? = nil, threads: Int? = nil, mostRanks: Int? = nil
  ) -> [Int] {
    let division = CoreDivision(hosts, ranks: ranks, threads: threads, mostRanks: mostRanks)
    return [division.ranks, division.threads]
  }

  @Test func whatIsGivenStays() {
    let given = CoreDivision([Host(cores: 2)], ranks: 3, threads: 5)
    #expect(given == CoreDivision(ranks: 3, threads: 5) && given.reason == nil)
  }

  @Test func ranksTakeACoreAThread() {
    #expect(division([Host(cores: 8)], threads: 1) == [8, 1])
    #expect(division([Host(cores: 8)], threads: 3) == [2, 3])
    #expect(division([Host(cores: 2)], threads: 8) == [1, 8])
    // Slots limit the ranks of a host.
    #expect(division([Host(cores: 8, slots: 1), Host(cores: 8)], threads: 2) == [5, 2])
  }

  @Test func threadsAreAnEvenPartOfTheCores() {
    #expect(division([Host(cores: 8)], ranks: 1) == [1, 8])
    #expect(division([Host(cores: 8)], ranks: 3) == [3, 2])
    #expect(division([Host(cores: 2)], ranks: 5) == [5, 1])
    let two = [Host(cores: 8), Host(cores: 8)]
    #expect(division(two, ranks: 4) == [4, 4])
    #expect(division(two, ranks: 3) == [3, 4], "a host has two of the three")
    let unequal = CoreDivision([Host(cores: 16), Host(cores: 4)], ranks: 2, threads: nil)
    #expect(unequal.threads == 4)
    #expect(
      unequal.reason
        == "2 ranks × 4 threads: 4 cores on the smallest host (16 on the largest) for 1 rank")
  }

  @Test func withoutEitherEachCoreHasARankThatCanGetSamples() {
    let whole = CoreDivision([Host(cores: 8)], ranks: nil, threads: nil, mostRanks: 256)
    #expect([whole.ranks, whole.threads] == [8, 1])
    #expect(whole.reason == "8 ranks × 1 thread: 8 cores, a rank for each core")
    let few = CoreDivision([Host(cores: 8)], ranks: nil, threads: nil, mostRanks: 3)
    #expect([few.ranks, few.threads] == [3, 2])
    #expect(few.reason?.contains("divide among 3 at most") == true)
    #expect(division([Host(cores: 8, slots: 2), Host(cores: 8, slots: 2)]) == [4, 4])
    #expect(division([Host(cores: 1)]) == [1, 1])
  }

  @Test func aRankStaysWithinANodeWhereThatCostsLittle() {
    // 3 × 21 cores would reach over two nodes of 32; 3 × 16 do not.
    #expect(division([Host(cores: 64, numaNodes: 2)], ranks: 3) == [3, 16])
    // Caches of 8 cores: 9 ranks of 4 threads would leave too many idle.
    #expect(division([Host(cores: 64, numaNodes: 1, cacheDomains: 8)], ranks: 9) == [9, 7])
    #expect(division([Host(cores: 64, numaNodes: 1, cacheDomains: 8)], ranks: 8) == [8, 8])
    // A rank by itself has all.
    #expect(division([Host(cores: 64, numaNodes: 2, cacheDomains: 8)], ranks: 1) == [1, 64])
  }

  @Test func nothingBecomesZero() {
    for cores in [-1, 0, 1, 3] {
      for ranks in [1, 7] {
        let host = Host(cores: cores, numaNodes: 0, cacheDomains: 0, slots: 1)
        #expect(CoreDivision([host], ranks: ranks, threads: nil).threads >= 1)
        #expect(CoreDivision([host], ranks: nil, threads: 4).ranks == 1)
        #expect(CoreDivision([host], ranks: nil, threads: nil, mostRanks: 0).ranks == 1)
      }
    }
  }
}
