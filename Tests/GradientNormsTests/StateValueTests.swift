import FoundationEssentials
import GradientNorms
import Testing

/// The state of a kind is restored from a checkpoint to the bit, whatever its type.
@Suite struct StateValueTests {
  private struct State: Codable, Equatable {
    var number = 0.0
    var whole = 0
    var large: UInt64 = 0
    var flag = false
    var text = ""
    var list: [Double] = []
    var nested: [String: [Int]] = [:]
    var missing: Double?
  }

  private func throughAFile(_ state: State) throws -> State? {
    let value = try StateValue(state)
    let read = try JSONDecoder().decode(StateValue.self, from: JSONEncoder().encode(value))
    #expect(read == value)
    return read.state()
  }

  @Test func everyTypeComesBackToTheBit() throws {
    var state = State()
    #expect(try throughAFile(state) == state)
    state = State(
      number: -0x1.2p-1030, whole: .min, large: UInt64(Int64.max), flag: true, text: "é\"\u{0}",
      list: [2, 0.1, 1e300, -7, 0x1p60, .ulpOfOne],
      nested: ["a": [1, 2], "": []], missing: 3)
    #expect(try throughAFile(state) == state)
    for number in [-0.0, 0.0, .leastNonzeroMagnitude, 1.7976931348623157e308, -1.5] {
      state.number = number
      #expect(try throughAFile(state)?.number.bitPattern == number.bitPattern)
    }
  }

  @Test func aValueOfAnotherTypeIsNotRestored() throws {
    #expect(try StateValue(["norms": [1.0]]).state(State.self) == nil)
    #expect(
      StateValue.none.state(Stateless.self) == nil && StateValue.fields([:]).state() == Stateless())
    #expect(throws: (any Error).self) { try StateValue([Double.nan]) }
  }

  /// A state of another model, or of another shape, starts a rule afresh and stops nothing.
  @Test func aRuleStartsAfreshFromAnotherRulesState() throws {
    var policy = ClipPolicy(.ema(ratio: 1.1, memory: 0.5), tensorSizes: [1, 1])
    let fresh = policy.state
    _ = policy.decide(norm: 5, tensorNorms: [3, 4])
    let used = policy.state
    #expect(used != fresh)
    for value in [
      StateValue.none, .text("x"), .fields(["tensorMeans": .list([.integer(1)])]), .fields([:]),
    ] {
      policy.state = used
      policy.state = value
      #expect(policy.state == fresh, "\(value)")
    }
    policy.state = used
    #expect(policy.state == used)
  }
}
