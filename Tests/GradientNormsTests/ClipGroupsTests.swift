import FoundationEssentials
import GradientNorms
import Testing

/// Clips of groups on made-up ledgers, against the rule on the group's gradient by itself.
@Suite struct ClipGroupsTests {
  private let groups = ClipGroups(
    tensorCount: 5,
    own: [
      ClipGroups.Own(name: "a", tensors: [1, 3]), ClipGroups.Own(name: "b", tensors: [4]),
    ], frozen: [2])

  private func step(_ gradient: [Double]) -> NormLedger {
    ledger(batches: [1], gradients: [gradient.map { [$0] }])
  }

  private func made(_ rule: any ClipRule, _ groups: ClipGroups?) -> StepPolicy {
    StepPolicy(rule: rule, tensorSizes: [4, 1, 9, 2, 3], groups: groups)
  }

  @Test func tensorsAreDivided() {
    #expect(groups.shared == [0] && groups.frozen == [2])
    #expect(ClipGroups(tensorCount: 3, own: []).shared == [0, 1, 2])
  }

  @Test func eachNormHasItsOwnLimit() {
    var policy = made(.global(maxNorm: 2), groups)
    let decision = policy.decide(step([3, 3, 100, 4, 1]))
    let factors = [2 / (3 + 1e-6), 2 / 5.000001, 1, 2 / 5.000001, 1]
    #expect(decision.factors == .perTensor(factors) && decision.coefficient == nil)
    #expect(decision.norm == (9.0 + 9 + 10000 + 16 + 1).squareRoot() && decision.action == .clip)
    let applied = (4 * (3 / 3.000001) * (3 / 3.000001) + 4 * (5 / 5.000001) * (5 / 5.000001) + 1)
    #expect(abs(decision.applied! - applied.squareRoot()) < 1e-12)
    #expect(decision.threshold == 2 && decision.reachedNorm == (35.0).squareRoot())
    #expect(
      decision.ownClips == [
        OwnClip(name: "a", norm: 5, coefficient: 2 / 5.000001, threshold: 2),
        OwnClip(name: "b", norm: 1, coefficient: 1, threshold: 2),
      ])
    // A frozen tensor alone is over the limit: nothing is clipped, and there is one factor again.
    let free = policy.decide(step([1, 1, 100, 1, 1]))
    #expect(free.action == .step && free.coefficient == 1 && free.applied == 2)
  }

  /// One group's clip counts as a clip of the step.
  @Test func oneClipIsEnough() {
    for long in [0, 1, 4] {
      var gradient = [1.0, 1, 1, 1, 1]
      gradient[long] = 9
      var policy = made(.global(maxNorm: 2), groups)
      #expect(policy.decide(step(gradient)).action == .clip)
    }
  }

  @Test func withoutASharedTensorThereIsNoSharedLimit() {
    let all = ClipGroups(
      tensorCount: 5, own: [ClipGroups.Own(name: "*", tensors: [0, 1, 2, 3, 4])])
    var own = made(.global(maxNorm: 2), all)
    var plain = made(.global(maxNorm: 2), nil)
    let a = own.decide(step([1, 2, 3, 4, 5]))
    let b = plain.decide(step([1, 2, 3, 4, 5]))
    #expect(a.coefficient == b.coefficient)
    #expect(a.applied == b.applied)
    #expect(a.norm == b.norm)
    #expect(a.threshold == nil)
    #expect(a.ownClips.map(\.threshold) == [2])
    #expect(a.reachedNorm == nil)
  }

  static let rules: [any ClipRule] = [
    .none, .global(maxNorm: 2), .global(maxNorm: 2, order: .two),
    .perLayer(maxNorm: 2, budget: .uniform),
    .perLayer(maxNorm: 2, budget: .size), .percentile(percent: 40, window: 5),
    .zscore(threshold: 0.2, warmup: 2), .normalize(norm: 3), .ema(ratio: 0.9, memory: 0.5),
    AdaGC(ratio: 0.9, memory: 0.5, warmup: 2, maxNorm: 3), QuantileClip(quantile: 0.3, rate: 1),
    SigmaClip(window: 4, sigmaFactor: 0.3),
  ]

  /// Every rule does to each group what it does to a model of the group's tensors alone, with a
  /// memory for each, which a checkpoint keeps.
  @Test(arguments: rules.indices) func groupsAreClippedAsModelsOfTheirOwn(_ index: Int) throws {
    let rule = Self.rules[index]
    let parts = [[0], [1, 3], [4]]
    let sizes = [4, 1, 9, 2, 3]
    var together = made(rule, groups)
    var apart = parts.map { part in
      StepPolicy(rule: rule, tensorSizes: part.map { sizes[$0] })
    }
    for number in 1...12 {
      let gradient = (0..<5).map { Double((number * 7 + $0 * 5) % 11 + 1) }
      let decision = together.decide(step(gradient))
      for (place, part) in parts.enumerated() {
        let alone = apart[place].decide(step(part.map { gradient[$0] }))
        for (index, tensor) in part.enumerated() {
          #expect(decision.factor(ofTensor: tensor) == alone.factor(ofTensor: index))
        }
        if place > 0 {
          let clip = decision.ownClips[place - 1]
          #expect(clip.coefficient == alone.coefficient && clip.threshold == alone.threshold)
          #expect(clip.norm == alone.norm)
        }
      }
      // Saved and read by another policy.
      let memory = try JSONDecoder().decode(
        StepPolicy.Memory.self, from: JSONEncoder().encode(together.memory))
      #expect(rule.accepts(memory.clip, groups: groups))
      together = made(rule, groups)
      together.memory = memory
      #expect(together.memory == memory)
    }
  }

  /// What is no state of these groups starts afresh, and is refused where it is looked at.
  @Test func aStateOfOtherGroupsIsNone() throws {
    let rule = RunningMeanClip(ratio: 1.1, memory: 0.9)
    var other = StepPolicy(rule: rule, tensorSizes: [1, 1, 1, 1, 1])
    _ = other.decide(step([1, 2, 3, 4, 5]))
    let fresh = made(rule, groups)
    var policy = made(rule, groups)
    for state in [other.memory.clip, .list([]), .list([.none, .none, other.memory.clip])] {
      #expect(!rule.accepts(state, groups: groups))
      var memory = StepPolicy.Memory()
      memory.clip = state
      policy.memory = memory
      #expect(policy.memory.clip == fresh.memory.clip)
    }
    #expect(rule.accepts(.none, groups: groups) && rule.accepts(fresh.memory.clip, groups: groups))
  }

  @Test func rulesForElementsKnowFrozenTensorsAlone() {
    var ledger = NormLedger(LedgerLayout(tensorCount: 5, countsApplied: true))
    ledger.contribute(samples: 1, of: 1, loss: 0, weightedSquares: [4, 4, 4, 4, 4], rank: 0)
    for tensor in 0..<5 {
      ledger.add(4, to: .squares, of: tensor)
      ledger.add(tensor == 2 ? 1 : 4, to: .appliedSquares, of: tensor)
    }
    var policy = made(.value(limit: 1), groups)
    let decision = policy.decide(ledger)
    #expect(decision.applied == 4 && decision.action == .step && decision.ownClips.isEmpty)
    #expect(decision.coefficient == 1 && decision.threshold == 1)
  }

  /// A guard looks at the norm of everything.
  @Test func spikesAndCorruptionsAreOfTheWholeGradient() {
    var policy = StepPolicy(
      rule: .global(maxNorm: 2), skip: SkipPolicy(spike: 3), tensorSizes: [1, 1, 1, 1, 1],
      groups: groups)
    for _ in 0..<40 { #expect(!policy.decide(step([1, 1, 1, 1, 1])).isSkip) }
    #expect(policy.decide(step([1, 1, 50, 1, 1])).isSkip)
    #expect(policy.decide(step([1, 1, .nan, 1, 1])).isSkip)
  }
}
