import RankTesting
import Recording
import Reports
import Testing

/// Records as comma-separated values, and the keys in which several runs differ; fault list F.
@Suite struct RecordTableTests {
  private func text(_ kind: RecordTable.Kind, _ runs: [(name: String, directory: RunDirectory)])
    throws -> String
  {
    var text = ""
    try RecordTable(kind, of: runs).write { text += $0 }
    return text
  }

  @Test func aStepIsALineWithUnitsInTheHeader() throws {
    let folder = TemporaryFolder()
    folder.write(
      """
      {"step":1,"epoch":0.5,"samples":32,"norm":{"global":1.25e-07,"layers":{"a,b":1,"c":null}},"noise":{"scale":null},"action":"step","seconds":{"total":0.1}}
      {"step":2,"epoch":1,"samples":64,"norm":{"global":null,"layers":{"a,b":2,"c":3}},"noise":{"scale":8},"action":"skip","reason":"the norm \\"x\\", too\\nlong","seconds":{"total":0.2}}
      {"step":3,"ep
      """, to: "run/metrics.jsonl")
    let run = (name: "x", directory: RunDirectory(folder.path + "/run"))
    #expect(
      try text(.metrics, [run]) == """
        step,epoch [epochs],samples [samples],norm.global,"norm.layers.a,b",norm.layers.c,noise.scale [samples],action,reason,seconds.total [s]
        1,0.5,32,1.25e-07,1,,,step,,0.1
        2,1,64,,2,3,8,skip,"the norm ""x"", too
        long",0.2

        """)
    folder.write("{\"step\":1,\"extra\":true}\n", to: "other/metrics.jsonl")
    let both = try text(
      .metrics, [run, (name: "y", directory: RunDirectory(folder.path + "/other"))])
    #expect(
      both.hasPrefix("run,step,extra,epoch [epochs],") && both.contains("\nx,1,,0.5,")
        && both.hasSuffix("\ny,1,true,,,,,,,,,\n"))
  }

  @Test func aLineThatIsNoRecordAndAFileThatIsNotThereAreNamed() throws {
    let folder = TemporaryFolder()
    folder.write("{\"rank\":0,\"seconds\":{\"data\":1}}\n{\"rank\":}\n", to: "ranks.jsonl")
    let run = (name: "x", directory: RunDirectory(folder.path))
    #expect(
      throws: RunFileError(
        "\(folder.path)/ranks.jsonl: line 2, from byte 32 on, is no record of a rank")
    ) { try text(.ranks, [run]) }
    #expect(throws: RunFileError.self) { try text(.metrics, [run]) }
    let error = #expect(throws: RunFileError.self) { try text(.evaluations, [run]) }
    #expect(error?.description.contains("report.json") == true)
  }

  /// Without a file of evaluations there is that of the last weights.
  @Test func theFinalEvaluationIsALine() throws {
    let folder = TemporaryFolder()
    let run = (name: "x", directory: RunDirectory(folder.path))
    var report = Samples.report
    report.final.others = [NamedNumber("bits, a byte", 1.5)]
    try JSONFile.write(report, to: run.directory.report)
    #expect(
      try text(.evaluations, [run]) == """
        step,epoch [epochs],loss,accuracy,"bits, a byte"
        702,2.99,0.3412,0.8731,1.5

        """)
    report.final = ConvergenceReport.Final(loss: nil, score: nil, gradNorm: 1)
    try JSONFile.write(report, to: run.directory.report)
    #expect(try text(.evaluations, [run]).isEmpty)
    folder.write(
      "{\"step\":5,\"loss\":1}\n{\"step\":9,\"loss\":null}\n", to: "evaluations.jsonl")
    #expect(try text(.evaluations, [run]) == "step,loss\n5,1\n9,\n")
  }

  @Test func settingsThatDifferAreALineAKey() throws {
    let a = RunSettings(
      "name = \"a \\\"b\\\"\"\nseed = 1\n[clip]\nmax_norm = 1.0\nrule = \"global\"\n[model]\nhidden = [32]\n"
    )
    let b = RunSettings("name = \"c\"\nseed = 1\n[clip]\nmax_norm = 0.5\nrule = \"none\"\n")
    #expect(a.name == "a \"b\"" && b.name == "c" && RunSettings("seed = 1").name == nil)
    let table = ReportTable(
      [("first", Samples.report), ("second", Samples.report)], settings: [a, b]
    ).text()
    #expect(
      table.hasSuffix(
        """

        set differently  first     second
        clip.max_norm    1.0       0.5
        clip.rule        "global"  "none"
        model.hidden     [32]      –

        """))
    #expect(
      ReportTable([("first", Samples.report)], settings: [a]).text().hasSuffix(
        "\nset differently: nothing that an experiment file says\n"))
    #expect(
      RunSettings.distinctNames([("x", "runs/1"), ("y", "runs/2"), ("x", "runs/3")]) == [
        "runs/1", "y", "runs/3",
      ])
  }
}
