import ExperimentKeys
import Testing

/// A list of layers, as networks of users have it: kinds with their own keys, and nested lists.
private struct Layer: Equatable {
  var kind: String
  var width = 0
  var rate = 0.0
  var layers: [Layer] = []

  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    self = try keys.kind(
      "kind", among: ["dense", "dropout", "residual"], choice: { .init($0) }, "what it computes"
    ) { (kind, keys) throws(ExperimentError) in try Layer(kind, &keys) }
  }

  private init(_ kind: String, _ keys: inout ExperimentReader) throws(ExperimentError) {
    self.kind = kind
    switch kind {
    case "dense": width = try keys.integer("width", default: 8, in: 1...100, "results")
    case "dropout":
      rate = try keys.number("rate", default: 0.5, wanted: "a number below 1", "zeros") { $0 < 1 }
    default:
      layers =
        try keys.tables("layers", "within") { keys throws(ExperimentError) in try Layer(&keys) }
        ?? []
    }
  }
}

private let text = """
  [model]
  layers = [
    { kind = "dense", width = 3 },
    { kind = "residual", layers = [{ rate = 0.25, kind = "dropout" }, {}] },
  ]
  [[model.extra]]
  kind = "dropout"
  """

/// The two lists of a model.
private func layers(_ keys: inout ExperimentReader) throws(ExperimentError) -> (
  layers: [Layer], extra: [Layer]
) {
  (
    try keys.tables("layers", "first") { keys throws(ExperimentError) in try Layer(&keys) } ?? [],
    try keys.tables("extra", "then") { keys throws(ExperimentError) in try Layer(&keys) } ?? []
  )
}

private func read(_ text: String, _ overrides: String...) throws(ExperimentError) -> (
  layers: [Layer], resolved: String, ignoredKeys: [String]
) {
  var keys = try ExperimentReader(text: text, source: "x.toml", overrides: overrides)
  try keys.enter("model")
  let (layers, extra) = try layers(&keys)
  let end = try keys.finish()
  return (layers + extra, end.resolved, end.ignoredKeys)
}

private func failure(_ text: String, _ overrides: String...) -> String? {
  do throws(ExperimentError) {
    var keys = try ExperimentReader(text: text, source: "x.toml", overrides: overrides)
    try keys.enter("model")
    _ = try layers(&keys)
    _ = try keys.finish()
    return nil
  } catch {
    return error.description
  }
}

@Suite struct NestedKeysTests {
  @Test func tablesInListsAreReadAndResolved() throws {
    let (layers, resolved, _) = try read(text)
    #expect(
      layers.map(\.kind) == ["dense", "residual", "dropout"] && layers[0].width == 3
        && layers[2].rate == 0.5)
    #expect(
      layers[1].layers.map(\.kind) == ["dropout", "dense"] && layers[1].layers[0].rate == 0.25
        && layers[1].layers[1].width == 8)
    #expect(
      resolved == """
        [model]
        layers = [
          { kind = "dense", width = 3 },
          { kind = "residual", layers = [{ kind = "dropout", rate = 0.25 }, { kind = "dense", width = 8 }] },
        ]
        extra = [
          { kind = "dropout", rate = 0.5 },
        ]

        """)
    let again = try read(resolved)
    #expect(again.layers == layers && again.resolved == resolved)
  }

  /// Each mistake within a list, and the whole line of its error: with its column, since several
  /// values share a line.
  @Test(arguments: [
    (
      "[model]\nlayers = [{}, { wdth = 3 }]",
      "x.toml:2:17: model.layers[1].wdth: unknown key; did you mean width?"
    ),
    (
      "[model]\nlayers = [{ kind = \"dens\" }]",
      "x.toml:2:13: model.layers[0].kind: \"dens\" is not one of dense, dropout, residual; did you mean \"dense\"?"
    ),
    (
      "[model]\nlayers = [\n  {},\n  { width = 0 }]",
      "x.toml:4:5: model.layers[1].width: wanted a whole number of at least 1 and at most 100, found 0"
    ),
    (
      "[model]\nlayers = [{ kind = \"residual\", layers = [{}, 3] }]",
      "x.toml:2:46: model.layers[0].layers[1]: wanted a table, { … }, found 3"
    ),
    ("[model]\nlayers = 3", "x.toml:2: model.layers: wanted a list of tables, found 3"),
    (
      "[[model.layers]]\n[[model.layers]]\nfoo = 1",
      "x.toml:3:1: model.layers[1].foo: unknown key; known here: kind, width"
    ),
  ])
  func mistakesInListsAreNamedInOneLine(_ text: String, _ line: String) {
    #expect(failure(text) == line)
  }

  @Test func keysOfAnotherKindOfEntryArePassedOver() throws {
    let (layers, resolved, ignoredKeys) = try read(
      "[model]\nlayers = [{ kind = \"dropout\", width = 3 }]")
    #expect(
      ignoredKeys == ["model.layers[0].width"] && layers[0].kind == "dropout"
        && !resolved.contains("width"))
  }

  @Test func overridesReachIntoLists() throws {
    #expect(try read(text, "model.layers[0].width=5").layers[0].width == 5)
    #expect(
      try read(
        text, "model.layers[1].layers[0].rate=0.2",
        " model . layers [1].layers[1] = {kind=\"dropout\"}"
      ).layers[1].layers.map(\.rate) == [0.2, 0.5])
    // A key that the entry leaves out, a whole entry, the whole list, and a part of the value of an
    // earlier override.
    #expect(try read(text, "model.extra[0].rate=0").layers[2].rate == 0)
    #expect(try read(text, "model.layers[1]={width=9}").layers[1].width == 9)
    #expect(
      try read(text, "model.layers=[{width=1},{width=2}]", "model.layers[1].width=7").layers.map(
        \.width) == [1, 7, 0])
    #expect(try read(text, "model.\"layers\"[0].width=0x10").layers[0].width == 16)
  }

  @Test(arguments: [
    (
      "model.layers[2].rate=0.2",
      "--set model.layers[2].rate=0.2: model.layers has 2 entries, [0] to [1]"
    ),
    (
      "model.layers[1].layers[7]=1",
      "--set model.layers[1].layers[7]=1: model.layers[1].layers has 2 entries, [0] to [1]"
    ),
    (
      "model.layers[99999999999999999999]=1",
      "--set model.layers[99999999999999999999]=1: wanted key.path=value, such as training.steps=100"
    ),
    (
      "model.layers[-1]=1",
      "--set model.layers[-1]=1: wanted key.path=value, such as training.steps=100"
    ),
    ("model.blocks[0].rate=1", "--set model.blocks[0].rate=1: x.toml has no model.blocks"),
    ("model[0]=1", "--set model[0]=1: model is a section, not a list"),
    (
      "model.layers[0].width.x=1",
      "--set model.layers[0].width.x=1: model.layers[0].width is a whole number, without keys of its own"
    ),
    ("model.layers[0].wdth=1", "--set model.layers[0].wdth: unknown key; did you mean width?"),
    (
      "model.layers=[{wdth=1}]",
      "--set model.layers: model.layers[0].wdth: unknown key; did you mean width?"
    ),
    ("modle.layers=1", "--set modle.layers: unknown section; did you mean [model]?"),
  ])
  func overridesThatReachNothingAreRefusedInOneLine(_ override: String, _ line: String) {
    #expect(failure(text, override) == line)
  }

  @Test func readersReportThePlaceOfAValue() throws {
    var keys = try ExperimentReader(
      text: text, source: "x.toml", overrides: ["model.layers[0].width=4"])
    try keys.enter("model")
    var places: [String] = []
    _ = try keys.tables("layers", "first") { keys throws(ExperimentError) in
      for key in ["kind", "width", "rate"] {
        places.append(keys.position(of: key).map { "\($0.line):\($0.column)" } ?? "-")
      }
      _ = try Layer(&keys)
    }
    #expect(places == ["3:5", "-", "-", "4:5", "-", "-"])
  }
}
