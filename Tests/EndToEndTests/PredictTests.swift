import Foundation
import RankTesting
import Testing

/// `lockstep evaluate` and `lockstep predict` on tables, as a new user meets them.
@Suite struct PredictTests {
  private static let colours = ["red", "blue", "green, dark"]
  private static let sizes = ["s", "m", "l", "xl"]
  private static let kinds = ["oak", "elm \"wych\"", "ash"]

  /// The cells of a table with three columns of categories, one of them numbers, and missing values.
  private static func table(_ rows: Int, from first: Int = 0) -> [[String: String]] {
    (first..<first + rows).map { row in
      let kind = row * 7 % 3
      return [
        "height": row % 17 == 5 ? "" : "\(Double(row * 13 % 29) / 4 + Double(5 * kind))",
        "colour": row % 23 == 7 ? "" : colours[(row + kind) % 3],
        "size": sizes[row * 5 % 4],
        "zip": ["10", "20", "30"][kind == 0 ? 0 : row % 3],
        "id": "row-\(row)",
        "kind": kinds[kind],
      ]
    }
  }

  private static func csv(_ rows: [[String: String]], _ columns: [String]) -> String {
    let header = Dictionary(columns.map { ($0, $0) }) { name, _ in name }
    return ([header] + rows).map { row in
      columns.map { "\"" + row[$0]!.replacing("\"", with: "\"\"") + "\"" }.joined(separator: ",")
        + "\n"
    }.joined()
  }

  private static let columns = ["id", "height", "colour", "size", "zip", "kind"]

  /// A folder in which `init` and `run` were done.
  private func trained(_ settings: [String] = []) throws -> TemporaryFolder {
    let folder = TemporaryFolder()
    folder.write(Self.csv(Self.table(150), Self.columns), to: "trees.csv")
    let made = try folder.lockstep(["init", "mlp", "--output", folder.path("trees.toml")]).finish()
    try #require(made.status == 0, "\(made.errors)")
    let keys =
      [
        "data.kind=csv", "data.path=\(folder.path("trees.csv"))", "data.label=kind",
        "data.ignore=[\"id\"]", "data.categories=[\"zip\"]", "data.missing=mean",
        "data.validation=0.2", "model.hidden=[8]", "training.epochs=8",
        "training.global_batch=16", "optimizer.learning_rate=0.2", "evaluation.best=true",
        "evaluation.average=0.9",
      ] + settings
    let run = try folder.lockstep(
      ["run", folder.path("trees.toml"), "-n", "2", "--output", folder.path("run")]
        + keys.flatMap { ["--set", $0] }
    ).finish()
    try #require(run.status == 0, "\(run.errors)")
    return folder
  }

  private func evaluate(_ folder: TemporaryFolder, _ arguments: [String]) throws -> NSDictionary {
    let outcome = try folder.lockstep(["evaluate", "--json"] + arguments).finish()
    try #require(outcome.status == 0, "\(outcome.errors)")
    return try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? NSDictionary)
  }

  @Test func fromInitToPredictions() throws {
    let folder = try trained()
    // The test set, at any number of ranks, as at the end of the run.
    let final = try #require(try folder.json("run/report.json")["final"] as? NSDictionary)
    for ranks in 1...4 {
      let result = try evaluate(folder, [folder.path("run"), "-n", "\(ranks)"])
      for key in ["loss", "accuracy"] {
        #expect(result[key] as? Double == final[key] as? Double, "\(key) on \(ranks)")
      }
      #expect(result["samples"] as? Int == 30 && result["ranks"] as? Int == ranks)
    }
    // A file alone says what it needs, wherever it is.
    let file = folder.path("elsewhere.safetensors")
    try FileManager.default.copyItem(atPath: folder.path("run/final.safetensors"), toPath: file)
    let alone = try evaluate(folder, [file, "-n", "3"])
    #expect(alone["loss"] as? Double == final["loss"] as? Double)
    let text = try folder.lockstep(["evaluate", file]).finish()
    #expect(
      text.output.hasPrefix("\(file): loss ") && text.output.contains(", accuracy ")
        && text.output.hasSuffix(" on 30 samples\n"), "\(text.output)")
    var losses: Set<Double> = []
    for choice in ["final", "best", "average"] {
      let result = try evaluate(folder, [folder.path("run"), "--weights", choice])
      #expect((result["weights"] as? String)?.hasSuffix("/\(choice).safetensors") == true)
      losses.insert(try #require(result["loss"] as? Double))
    }
    #expect(
      losses.count >= 2 && final["average_loss"].map { losses.contains($0 as! Double) } != false)

    // Other rows, in other columns' order, without the class.
    let rows = Self.table(40, from: 1000)
    let input = folder.write(
      Self.csv(rows, ["zip", "size", "colour", "height"]), to: "new.csv")
    let output = folder.path("new-kinds.csv")
    let predicted = try folder.lockstep(["predict", file, "--input", input, "--output", output])
      .finish()
    try #require(predicted.status == 0, "\(predicted.errors)")
    #expect(predicted.output == "\(output): predictions of 40 rows, by \(file)\n")
    let lines = try folder.lines("new-kinds.csv")
    #expect(lines[0] == #"class,p_ash,"p_elm ""wych""",p_oak"#)
    #expect(lines.count == 41)
    let model = try ExportedModel(file)
    let names = ["ash", #""elm ""wych""""#, "oak"]
    var correct = 0
    for (row, line) in zip(rows, lines.dropFirst()) {
      let wanted = ExportedModel.softmax(try model.outputs(of: model.inputs(of: row)))
      let cells = line.split(separator: ",")
      let given = cells.suffix(3).compactMap { Double($0) }
      try #require(given.count == 3)
      for (a, b) in zip(given, wanted) { #expect(abs(a - b) < 1e-5, "\(line)") }
      let name = names[wanted.indices.max { wanted[$0] < wanted[$1] }!]
      #expect(cells[0] == name, "\(line)")
      if name == "\"" + row["kind"]!.replacing("\"", with: "\"\"") + "\"" || name == row["kind"] {
        correct += 1
      }
    }

    // The same rows with their class, evaluated: the score is that of the predictions.
    let labelled = folder.write(Self.csv(rows, Self.columns.reversed()), to: "labelled.csv")
    let other = try evaluate(folder, [file, "-n", "2", "--set", "data.path=\(labelled)"])
    #expect(other["samples"] as? Int == 40)
    #expect(other["accuracy"] as? Double == Double(correct) / 40)
    // The class is not read, nor is what training ignored; nothing is overwritten unasked.
    let again = ["predict", folder.path("run"), "--input", labelled, "--output", output]
    let refused = try folder.lockstep(again).finish()
    #expect(
      refused.status == 64 && refused.errors.contains("is there already: --force replaces it"))
    let before = folder.bytes("new-kinds.csv")
    #expect(try folder.lockstep(again + ["--force"]).finish().status == 0)
    #expect(folder.bytes("new-kinds.csv") == before)
    #expect(!folder.names.contains { $0.hasPrefix(".tmp") })
  }

  /// Missing, unknown, renamed and doubled columns; and cells that are wrong.
  @Test func whatDoesNotFitIsNamedInOneLine() throws {
    let folder = try trained(["data.missing=drop", "training.epochs=1"])
    let rows = Self.table(8)
    func predict(_ text: String, _ more: [String] = []) throws -> Outcome {
      let input = folder.write(text, to: "new.csv")
      let outcome = try folder.lockstep(
        ["predict", folder.path("run"), "--input", input, "--output", folder.path("out.csv")]
          + more
      ).finish()
      #expect(outcome.status == 0 || outcome.errors.split(separator: "\n").count == 1)
      #expect(outcome.status == 0 || !folder.exists("out.csv"))
      return outcome
    }
    let good = ["height", "colour", "size", "zip"]
    func renamed(_ name: String, _ other: String) -> String {
      let text = Self.csv(rows, good)
      let end = text.firstIndex(of: "\n")!
      let header = text[..<end].replacing("\"\(name)\"", with: "\"\(other)\"")
      return String(header) + text[end...]
    }
    let unfit: [(text: String, words: String)] = [
      (
        Self.csv(rows, ["height", "colour", "zip"]),
        #"there is no column "size", which the model reads; add it"#
      ),
      (
        renamed("size", "sise"),
        #"there is no column "size", which the model reads; the file has "sise" instead"#
      ),
      (
        renamed("size", "extent"),
        #"there is no column "size", which the model reads; the file has "extent" instead"#
      ),
      (
        Self.csv(rows, good).replacing("\n", with: ",1\n").replacing("zip\",1", with: "zip\",more"),
        #"the model does not know the column "more"; remove"#
      ),
      (renamed("size", "colour"), #"2 columns are called "colour""#),
      (Self.csv(rows, good + ["size"]), #"2 columns are called "size""#),
    ]
    for (text, words) in unfit {
      let outcome = try predict(text)
      #expect(
        outcome.status == 64 && outcome.errors.contains("new.csv: \(words)"), "\(outcome.errors)")
    }
    let damaged: [(text: String, words: String)] = [
      (
        Self.csv(rows, good).replacing("\"m\"", with: "\"xxl\""),
        #"column "size": no row trained on has the category "xxl""#
      ),
      (
        Self.csv(rows, good).replacing("\"0.0\"", with: "\"tall\""),
        #"line 2, column "height": "tall" is not a number"#
      ),
      (Self.csv(rows, good) + "1,2\n", "line 10: 2 cells, the first row has 4"),
      ("", "byte 0: is empty"),
      ("height,colour,size,zip\n1,\"red,s,10\n", "a quote that is opened here is never closed"),
    ]
    for (text, words) in damaged {
      let outcome = try predict(text)
      #expect(
        outcome.status == 65 && outcome.errors.contains("new.csv: byte ")
          && outcome.errors.contains(words), "\(outcome.errors)")
    }
    let npy = folder.write(npyBytes("<f4", [2, 4], [UInt8](repeating: 0, count: 32)), to: "x.npy")
    let array = try folder.lockstep([
      "predict", folder.path("run"), "--input", npy, "--output", folder.path("out.csv"),
    ]).finish()
    #expect(
      array.status == 64 && array.errors.contains("the model knows its inputs by the names"),
      "\(array.errors)")
    let format = try folder.lockstep([
      "predict", folder.path("run"), "--input", npy, "--output", folder.path("out.txt"),
    ]).finish()
    #expect(format.status == 64 && format.errors.contains("ends in .csv or .npy"))

    // Rows that training would have left out have no prediction; an order of its own is fine.
    let dropped = try predict(Self.csv(Self.table(12), good.reversed()))
    try #require(dropped.status == 0, "\(dropped.errors)")
    #expect(dropped.output.contains("12 rows, of which 2 lack a value and have none"))
    let lines = try folder.lines("out.csv")
    #expect(lines.count == 13 && lines[6] == ",NaN,NaN,NaN" && lines[8] == ",NaN,NaN,NaN")
  }

  @Test func whatCannotBeEvaluatedIsOneLine() throws {
    let folder = try trained(["training.epochs=1"])
    let run = folder.path("run")
    let cases: [([String], Int32, String)] = [
      ([run, "--set", "model.hidden=[3]"], 64, "an evaluation takes keys of data, seed and"),
      ([run, "--set", "data.pth=x"], 64, "data.pth"),
      ([run, "--set", "data.path=\(folder.path("none.csv"))"], 65, "none.csv: cannot be opened"),
      ([run, "--set", "data.kind=blobs"], 64, "the model was trained on"),
      ([folder.path("nothing")], 65, "nothing: cannot be opened"),
      ([folder.path("trees.csv")], 65, "trees.csv: byte 0"),
      ([run, "-n", "0"], 64, "give a number of ranks"),
    ]
    for (arguments, status, words) in cases {
      let outcome = try folder.lockstep(["evaluate", "-n", "2"] + arguments).finish()
      #expect(
        outcome.status == status && outcome.errors.contains(words)
          && outcome.errors.split(separator: "\n").count == 1, "\(outcome.status) \(outcome.errors)"
      )
    }
  }

  /// The weights keep the tokenizer of a text: its file may be gone, and another text is evaluated
  /// whole.
  @Test func aTextInTokensIsEvaluatedByTheWeightsAlone() throws {
    let folder = TemporaryFolder()
    let tokenizer = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../DataTests/Golden/tokenizer.json")
    try FileManager.default.copyItem(atPath: tokenizer.path, toPath: folder.path("tokenizer.json"))
    let verse = "In the beginning God created the heaven and the earth.\n"
    folder.write(String(repeating: verse, count: 60), to: "text.txt")
    let other = folder.write(String(repeating: verse, count: 40), to: "other.txt")
    folder.write(
      """
      [model]
      kind = "rnn"
      embedding = 4
      hidden = 6
      [data]
      kind = "text"
      path = "\(folder.path("text.txt"))"
      tokenizer = "\(folder.path("tokenizer.json"))"
      context = 8
      validation = 0.25
      [training]
      global_batch = 8
      steps = 5
      """, to: "x.toml")
    let run = try folder.lockstep(
      ["run", folder.path("x.toml"), "-n", "2", "--output", folder.path("run")]
    ).finish()
    try #require(run.status == 0, "\(run.errors)")
    try FileManager.default.removeItem(atPath: folder.path("tokenizer.json"))
    let final = try #require(try folder.json("run/report.json")["final"] as? NSDictionary)
    let file = folder.path("run/final.safetensors")
    let part = try evaluate(folder, [file, "-n", "3"])
    #expect(part["loss"] as? Double == final["loss"] as? Double)
    let whole = try evaluate(folder, [file, "--set", "data.path=\(other)"])
    let (few, all) = (part["samples"] as? Int ?? 0, whole["samples"] as? Int ?? 0)
    // A quarter of 60 verses, and 40 of them.
    #expect(few > 0 && abs(Double(all) / Double(few) - 40 / 15) < 0.2, "\(few) and \(all)")
  }
}
