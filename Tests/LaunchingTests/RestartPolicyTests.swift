import Launching
import Testing

struct RestartPolicyTests {
  @Test func `without --max-restarts the first failure ends it`() {
    var policy = RestartPolicy(limit: 0)
    #expect(policy.failed(at: 50) == .giveUp(reason: ""))
  }

  @Test func `waits double while there is progress, up to the limit`() {
    var policy = RestartPolicy(limit: 3)
    #expect((1...3).map { policy.failed(at: $0 * 10) } == [.restart(after: 1), .restart(after: 2), .restart(after: 4)])
    #expect(policy.failed(at: 40) == .giveUp(reason: "all 3 restarts are used up"))
    #expect(policy.restarts == 3)
  }

  @Test func `two failures without progress end it`() {
    var policy = RestartPolicy(limit: 9)
    #expect(
      [50, 50, 40].map { policy.failed(at: $0) }
        == [.restart(after: 1), .restart(after: 2), .giveUp(reason: "two failures without progress past step 50")])
    var atStart = RestartPolicy(limit: 9)
    #expect([0, 0].map { atStart.failed(at: $0) } == [.restart(after: 1), .giveUp(reason: "two failures without progress past step 0")])
  }

  @Test func `progress in between starts the count anew`() {
    var policy = RestartPolicy(limit: 9)
    let decisions = [50, 50, 60, 60, 60].map { policy.failed(at: $0) }
    #expect(decisions[..<4].allSatisfy { if case .restart = $0 { true } else { false } })
    #expect(decisions[4] == .giveUp(reason: "two failures without progress past step 60"))
  }
}
