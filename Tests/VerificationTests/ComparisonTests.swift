import Recording
import Testing
import Verification

@Suite struct ComparisonTests {
  private func leaves(_ text: String) throws -> [String] {
    try JSONLeaves(Array(text.utf8), name: "x").leaves.map { "\($0.path)=\($0.text)" }
  }

  @Test func leavesComeInOrder() throws {
    #expect(
      try leaves(#" {"b" : 1e-3 ,"a":{"x.y":[null, {"k":"s\"]"}],"e":{}, "f" : [ ] },"n":-0.0}"#)
        == ["b=1e-3", "a.x.y[0]=null", #"a.x.y[1].k="s\"]""#, "a.e={}", "a.f=[]", "n=-0.0"])
    for bad in [
      "", "{", "{\"a\"}", "[1,]", "{\"a\":1}x", "nul", "{\"a\":\"", "{a:1}", "[1 2]",
      String(repeating: "[", count: 99),
    ] {
      #expect(throws: RunFileError.self, "\(bad)") { try leaves(bad) }
    }
  }

  private func line(_ step: Int, norm: String = "1.5", rank: Int = 0, seconds: Double = 0.1)
    -> String
  {
    """
    {"step":\(step),"loss":2.25,"norm":{"global":\(norm),"local_rms":2,"max_local":{"value":3,"rank":\(rank)},"layers":{"a.weight":1}},\
    "reason":"rank \(rank)","seconds":{"total":\(seconds)}}
    """
  }

  private func run(_ ranks: Int, _ lines: [String], accuracy: String = "0.5") throws -> RecordedRun
  {
    let report =
      #"{"verdict":"converged","final":{"loss":1,"accuracy":\#(accuracy)},"ranks":[{"rank":\#(ranks)}],"throughput":{"step_ms":\#(ranks)}}"#
    let state =
      #"{"sha256":"\#(ranks)","ranks":\#(ranks),"history":{"skips":[\#(ranks)],"steps":2},"memory":{"x":1}}"#
    return try RecordedRun(
      ranks: ranks, metrics: Array((lines.joined(separator: "\n") + "\n").utf8),
      report: Array(report.utf8), state: Array(state.utf8),
      digests: [("final.safetensors", "ab")])
  }

  @Test func whatDependsOnTheRanksIsLeftOut() throws {
    let runs = [
      try run(1, [line(1), line(2)]), try run(4, [line(1, rank: 3, seconds: 9), line(2, rank: 2)]),
    ]
    #expect(runs[0].quantities == runs[1].quantities)
    #expect(
      runs[0].quantities.map(\.name).prefix(6) == [
        "step", "loss", "norm.global", "norm.local_rms", "norm.max_local.value",
        "norm.layers.a.weight",
      ])
    #expect(
      runs[0].quantities.dropFirst(12).map(\.name)
        == [
          "report verdict", "report final.loss", "report final.accuracy",
          "checkpoint history.steps", "checkpoint memory.x",
          "final.safetensors",
        ])
    #expect(runs[0].final("report final.accuracy") == "0.5")
    #expect(RunComparison(runs).areIdentical)
  }

  @Test func theFirstDifferenceIsNamed() throws {
    let runs = [
      try run(1, [line(1), line(2)]), try run(2, [line(1), line(2, norm: "1.5000000000000002")]),
      try run(3, [line(1), line(2)], accuracy: "0.25"),
      try run(4, [line(1)]),
    ]
    let comparison = RunComparison(runs)
    #expect(comparison.reference == 0 && !comparison.areIdentical)
    #expect(
      comparison.differences[1]
        == .init(step: 2, name: "norm.global", reference: "1.5", found: "1.5000000000000002"))
    #expect(
      comparison.differences[2]
        == .init(step: nil, name: "report final.accuracy", reference: "0.5", found: "0.25"))
    #expect(comparison.differences[3] == .init(step: 2, name: "step", reference: "2", found: nil))
    let text = VerificationTable(runs, comparison, ended: [true, true, true, false]).text
    #expect(
      text.contains(
        "first difference on 2 ranks: step 2, norm.global\n  1 rank   1.5  (bits 0x3ff8000000000000)\n"
          + "  2 ranks  1.5000000000000002  (bits 0x3ff8000000000001)\n"), "\(text)")
    #expect(text.contains("reference") && text.contains("did not end"))
  }

  @Test func theMajorityOfRunsIsRight() throws {
    let other = [line(1, norm: "9"), line(2)]
    let sound = [line(1), line(2)]
    #expect(
      RunComparison([try run(1, other), try run(2, sound), try run(4, sound)]).reference == 1)
    #expect(RunComparison([try run(1, other), try run(2, sound)]).reference == 0)
  }
}
