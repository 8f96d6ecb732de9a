import Optimizers
import Testing
import Vectors

@Suite struct ParameterGroupTests {
  private static let names: [(String, [Int])] = [
    ("embedding.weight", [5, 3]), ("norm.weight", [3]), ("head.weight", [4, 3]), ("head.bias", [4]),
  ]

  private static let layout = {
    var layout = TensorLayout()
    for (name, shape) in names { layout.add(name, shape: shape) }
    return layout
  }()

  private func decays(
    _ rule: any OptimizerRule, _ decay: DecayedTensors, _ groups: [ParameterGroup] = []
  ) throws -> [Double?]? {
    try TensorTreatments(Self.layout, rule, decay: decay, groups: groups).map { treatments in
      Self.names.indices.map {
        (treatments[$0].rule as? any DecayingRule)?.weightDecay
      }
    }
  }

  private func failure(_ groups: [ParameterGroup]) -> String {
    do { _ = try TensorTreatments(Self.layout, .sgd(), groups: groups) } catch { return "\(error)" }
    return ""
  }

  @Test(arguments: [
    ("*", "", true), ("*", "a.b", true), ("", "", true), ("", "a", false), ("?", "", false),
    ("?", "é", true), ("a*", "a", true), ("a*", "ba", false), ("*.bias", "layers.0.bias", true),
    ("*.bias", "layers.0.bias2", false), ("*a*a", "aba", true), ("*a*a", "a", false),
    ("h.?.w", "h.1.w", true), ("h.?.w", "h.11.w", false), ("*h.*.w?", "t.h.11.a.wb", true),
    ("**x**", "yxz", true), ("[ab]", "a", false), ("a.c", "abc", false),
  ])
  func patternsMatchWholeNames(_ pattern: String, _ name: String, _ matches: Bool) {
    #expect(NamePattern(pattern).matches(name) == matches)
  }

  /// Against a match by recursion, on all short words of two letters.
  @Test func patternsMatchAsTheirDefinition() {
    func fits(_ pattern: Substring, _ name: Substring) -> Bool {
      guard let first = pattern.first else { return name.isEmpty }
      if first == "*" {
        return name.indices.contains { fits(pattern.dropFirst(), name[$0...]) }
          || fits(pattern.dropFirst(), "")
      }
      return !name.isEmpty && (first == "?" || first == name.first)
        && fits(pattern.dropFirst(), name.dropFirst())
    }
    func words(_ letters: [String], _ length: Int) -> [String] {
      length == 0 ? [""] : words(letters, length - 1).flatMap { word in letters.map { word + $0 } }
    }
    let names = (0...4).flatMap { words(["a", "b"], $0) }
    for pattern in (0...4).flatMap({ words(["a", "b", "?", "*"], $0) }) {
      for name in names {
        #expect(
          NamePattern(pattern).matches(name) == fits(pattern[...], name[...]), "\(pattern) \(name)")
      }
    }
  }

  /// Nothing is treated where there is nothing to treat: then the step has one rule and one rate.
  @Test func whatChangesNothingIsNoTreatment() throws {
    #expect(try decays(.adamw(), .all) == nil)
    #expect(try decays(.sgd(), .matrices) == nil)
    #expect(try decays(.adamw(weightDecay: 0), .matrices) == nil)
    #expect(try decays(.sgd(weightDecay: 0.1), .all, [ParameterGroup(match: ["*"])]) == nil)
    #expect(
      try decays(.sgd(), .all, [ParameterGroup(match: ["*.bias"], weightDecay: 0)]) == nil)
  }

  @Test func decayIsOfMatricesUnlessAGroupSaysOtherwise() throws {
    #expect(try decays(.adamw(weightDecay: 0.1), .matrices) == [nil, 0, nil, 0])
    let groups = [
      ParameterGroup(match: ["*norm*"], weightDecay: 0.3), ParameterGroup(match: ["head.*"]),
      // Too late for the head's, and for the norm's.
      ParameterGroup(match: ["*.weight"], weightDecay: 0),
    ]
    #expect(try decays(.adamw(weightDecay: 0.1), .matrices, groups) == [0, 0.3, nil, 0])
    #expect(try decays(.adamw(weightDecay: 0.1), .all, groups) == [0, 0.3, nil, nil])
    let lars = try TensorTreatments(
      Self.layout, LARS(trust: 0.1),
      groups: [ParameterGroup(match: ["head.weight"], weightDecay: 0.5)])
    #expect(lars?[2].rule?.trustRatio(weights: 3, norm: 4) == 0.1 * 3 / 5.5)
  }

  /// Muon has the matrices of hidden layers, AdamW the rest, each with a decay of its own; a group
  /// may say otherwise of matrices.
  @Test func muonHasHiddenMatricesUnlessAGroupSaysOtherwise() throws {
    var layout = TensorLayout()
    layout.add("table", shape: [50, 8], role: .embedding)
    layout.add("inner", shape: [24, 8])
    layout.add("bias", shape: [24])
    layout.add("conv", shape: [6, 2, 3, 3])
    layout.add("head", shape: [50, 8], role: .head)
    let rule = Muon(
      weightDecay: 0.3, adamW: AdamW(beta1: 0.5, weightDecay: 0.2), adamWRate: 0.5)
    func made(_ decay: DecayedTensors, _ groups: [ParameterGroup] = []) throws -> TensorTreatments {
      try #require(try TensorTreatments(layout, rule, decay: decay, groups: groups))
    }
    let plain = try made(.all)
    #expect(plain.matrices == [1, 3])
    #expect((0..<5).map { plain[$0].rate } == [0.5, 1, 0.5, 1, 0.5])
    #expect((0..<5).map { plain[$0].rule as? AdamW != nil } == [true, false, true, false, true])
    #expect(plain[0].rule as? AdamW == rule.adamW && plain[1].rule == nil)
    #expect((try made(.matrices)[2].rule as? AdamW)?.weightDecay == 0)
    let divided = plain.dividing(layout)
    #expect(divided.segments.map { $0.wholeLoad != nil } == [false, true, false, true, false])

    let grouped = try made(
      .all,
      [
        ParameterGroup(match: ["head", "bias"], weightDecay: 0.7, rate: 3, isMatrix: true),
        ParameterGroup(match: ["conv"], isMatrix: false),
        ParameterGroup(match: ["inner"], rate: 0),
      ])
    #expect(grouped.matrices == [4])
    #expect((0..<5).map { grouped[$0].rate } == [0.5, 0, 1.5, 0.5, 3])
    #expect((grouped[4].rule as? Muon)?.weightDecay == 0.7)
    #expect((grouped[2].rule as? AdamW)?.weightDecay == 0.7)
    #expect(grouped[3].rule as? AdamW == rule.adamW)
  }

  @Test func theFirstGroupThatHasATensorCounts() throws {
    let made = try TensorTreatments(
      Self.layout, .sgd(),
      groups: [
        ParameterGroup(match: ["embedding.*"], rate: 0, clip: .own),
        ParameterGroup(match: ["*bias", "norm*"], rate: 2, clip: .own),
        ParameterGroup(match: ["*"], rate: 3),
        ParameterGroup(match: ["head*"], rate: 4, clip: .own),
      ])
    let treatments = try #require(made)
    #expect((0..<4).map { treatments[$0].rate } == [0, 2, 3, 2])
    // A frozen tensor is in no clip, and a group without tensors is none.
    #expect(treatments.frozen == [0] && treatments.own.map(\.tensors) == [[1, 3]])
    #expect(treatments.own.map(\.name) == ["*bias, norm*"])
  }

  @Test func patternsOfNoTensorAreRefused() {
    #expect(
      failure([ParameterGroup(match: ["head.*", "*.bais"])])
        == "optimizer.groups: no tensor is called \"*.bais\"; the model has embedding.weight, norm.weight, head.weight, head.bias"
    )
    #expect(
      failure([
        ParameterGroup(match: ["h*", "*d*"], rate: 0), ParameterGroup(match: ["*"], rate: 0),
      ])
        == "optimizer.groups: every tensor has rate = 0: nothing would be trained")
    // All of its tensors are another group's: that is no mistake of the name.
    #expect(failure([ParameterGroup(match: ["*"]), ParameterGroup(match: ["head.*"])]) == "")
  }
}
