import Launching
import Testing

struct RestartPolicyTests {
  @Test func withoutMaxRestartsTheFirstFailureEndsTheRun() {
    var policy = RestartPolicy(limit: 0)
    #expect(policy.failed(at: 50) == .giveUp(reason: ""))
  }

  @Test func waitsDoubleUpToTheLimitWhileThereIsProgress() {
    var policy = RestartPolicy(limit: 3)
    #expect(
      (1...3).map { policy.failed(at: $0 * 10) } == [
        .restart(after: 1), .restart(after: 2), .restart(after: 4),
      ])
    #expect(policy.failed(at: 40) == .giveUp(reason: "all 3 restarts are used up"))
    #expect(policy.restarts == 3)
  }

  @Test func twoFailuresWithoutProgressEndTheRun() {
    var policy = RestartPolicy(limit: 9)
    #expect(
      [50, 50, 40].map { policy.failed(at: $0) }
        == [
          .restart(after: 1), .restart(after: 2),
          .giveUp(reason: "two failures without progress past step 50"),
        ])
    var atStart = RestartPolicy(limit: 9)
    #expect(
      [0, 0].map { atStart.failed(at: $0) } == [
        .restart(after: 1), .giveUp(reason: "two failures without progress past step 0"),
      ])
  }

  @Test func progressBetweenFailuresRestartsTheCount() {
    var policy = RestartPolicy(limit: 9)
    let decisions = [50, 50, 60, 60, 60].map { policy.failed(at: $0) }
    #expect(decisions[..<4].allSatisfy { if case .restart = $0 { true } else { false } })
    #expect(decisions[4] == .giveUp(reason: "two failures without progress past step 60"))
  }

  /// A failure that can only repeat is not tried a third time. // B16
  @Test func theSameMessageWithoutProgressEndsTheRunAtOnce() {
    var policy = RestartPolicy(limit: 9)
    #expect(
      policy.failed(at: 0, explanation: "step 20: 20 steps in a row were skipped")
        == .restart(after: 1))
    #expect(
      policy.failed(at: 0, explanation: "step 21: 20 steps in a row were skipped")
        == .giveUp(reason: "the workers failed as before, without progress past step 0"))
    // Different messages may be chance; so may a failure without a message.
    var other = RestartPolicy(limit: 9)
    #expect(
      [("a disk is full", 40), ("a host is gone", 40)].map {
        other.failed(at: $0.1, explanation: $0.0)
      } == [.restart(after: 1), .restart(after: 2)])
    var silent = RestartPolicy(limit: 9)
    #expect([40, 40].map { silent.failed(at: $0) } == [.restart(after: 1), .restart(after: 2)])
    // With progress the same message restarts the count.
    var slow = RestartPolicy(limit: 9)
    #expect(
      [10, 20, 30].map { slow.failed(at: $0, explanation: "it failed") } == [
        .restart(after: 1), .restart(after: 2), .restart(after: 4),
      ])
  }
}
