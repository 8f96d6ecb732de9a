import ExperimentKeys
import Foundation
import Testing

/// A layer that may have layers within.
private struct Layer {
  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    try keys.kind(
      "kind", among: ["dense", "residual"], choice: { .init($0, "A \($0) layer.") }, "what it is"
    ) { (kind, keys) throws(ExperimentError) in
      if kind == "dense" {
        _ = try keys.integer("width", default: 8, in: 1...100, "results")
      } else {
        _ = try keys.tables("layers", "within") { keys throws(ExperimentError) in
          try Layer(&keys)
        }
      }
    }
  }
}

/// Keys of every type, some of them under choices.
private func read(_ keys: inout ExperimentReader) throws(ExperimentError) {
  _ = try keys.string("name", default: "x\"", "a name")
  try keys.enter("data")
  try keys.kind(
    "kind", among: ["made-up", "csv"], choice: { .init($0) }, "what is read"
  ) { (kind, keys) throws(ExperimentError) in
    guard kind == "csv" else { return }
    _ = try keys.path(needed: "path", example: "table.csv", missing: "csv needs a path", "the file")
    _ = try keys.number("part", default: 0.5, in: 0..<1, "held out")
    _ = try keys.choice("order", default: "given", among: ["given", "drawn"], "of rows")
    _ = try keys.only(if: "order", is: "drawn") { keys throws(ExperimentError) in
      try keys.integer("drawn_by", default: 1, in: 0...(.max), "a seed")
    }
  }
  _ = try keys.integer(optional: "epochs", in: 1...9, "passes")
  _ = try keys.integer("epochs", default: 2, in: 1...9, "passes")
  _ = try keys.tables("layers", "what they go through") { keys throws(ExperimentError) in
    try Layer(&keys)
  }
}

@Suite struct KeyDeclarationTests {
  private let keys: [KeyDeclaration]

  init() throws { keys = try ExperimentReader.declarations(of: read) }

  private func key(_ path: String) throws -> KeyDeclaration {
    try #require(keys.first { $0.path == path })
  }

  /// Those of choices that are not made, and of the entries of lists, each once.
  @Test func everyCallDeclaresItsKeyInOrder() throws {
    #expect(
      keys.map(\.path) == [
        "name", "data.kind", "data.path", "data.part", "data.order", "data.drawn_by",
        "data.epochs", "data.layers", "data.layers[].kind", "data.layers[].width",
        "data.layers[].layers",
      ])
    #expect(
      try key("data.drawn_by").conditions == [
        .init("data.kind", "csv"), .init("data.order", "drawn"),
      ])
    #expect(
      try key("data.layers[].width").conditions == [.init("data.layers[].kind", "dense")]
        && key("data.epochs").conditions.isEmpty)
  }

  @Test func aDeclarationSaysWhatAnErrorSays() throws {
    #expect(try key("name").defaultValue == "\"x\\\"\"" && key("name").section == "")
    let path = try key("data.path")
    #expect(
      path.isNeeded && path.defaultValue == nil && path.example == "\"table.csv\""
        && path.type == .path && path.bounds == "a path" && path.help == "the file")
    #expect(try key("data.part").bounds == "a number of at least 0 and below 1")
    #expect(try key("data.drawn_by").bounds == "a whole number of at least 0")
    #expect(try key("data.order").bounds == "one of given, drawn")
    #expect(try key("data.layers[].kind").choices.map(\.summary)[0] == "A dense layer.")
    // Of two calls, the one with a default.
    #expect(try key("data.epochs").defaultValue == "2" && !key("data.epochs").isNeeded)
  }

  @Test func declarationsAreSentAsJSON() throws {
    let data = try JSONEncoder().encode(keys)
    #expect(try JSONDecoder().decode([KeyDeclaration].self, from: data) == keys)
  }

  /// Only where keys are declared is what is needed made up.
  @Test func whatIsNeededIsMissedInAFile() {
    let error = #expect(throws: ExperimentError.self) {
      var keys = try ExperimentReader(
        text: "[data]\nkind = \"csv\"", source: "x.toml", overrides: [])
      try read(&keys)
    }
    #expect(error?.description == "x.toml: data.path: csv needs a path")
  }
}
