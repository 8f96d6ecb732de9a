import ExperimentKeys
import Testing

private func read(_ text: String, _ overrides: String...) throws(ExperimentError) -> (
  size: Int?, isOn: Bool, resolved: String, keys: Set<String>
) {
  var keys = try ExperimentReader(text: text, source: "x.toml", overrides: overrides)
  try keys.enter("data")
  let path = try keys.string("path", default: "here", "a path")
  let (size, isOn) = try keys.table("change") { (keys) throws(ExperimentError) in
    (
      try keys.integer(optional: "size", in: 0...9, "how much"),
      try keys.boolean("on", default: false, "whether")
    )
  }
  _ = (path, try keys.integer("last", default: 1, in: 0...9, "the last"))
  let end = try keys.finish()
  return (size, isOn, end.resolved, end.keys)
}

/// Keys of a table within a section.
@Suite struct TableKeysTests {
  @Test(arguments: [
    "[data]\nchange = { size = 3, on = true }\nlast = 2",
    "[data]\nchange.size = 3\nchange.on = true\nlast = 2",
    "[data]\nlast = 2\n[data.change]\non = true\nsize = 3",
  ])
  func aTableIsReadInEveryForm(_ text: String) throws {
    let found = try read(text)
    #expect(found.size == 3 && found.isOn)
    #expect(
      found.resolved
        == "[data]\npath = \"here\"\nchange.size = 3\nchange.on = true\nlast = 2\n")
    #expect(found.keys == ["data.path", "data.change.size", "data.change.on", "data.last"])
    #expect(try read(found.resolved).resolved == found.resolved)
    #expect(try read(text, "data.change.size=4").size == 4)
    #expect(try read(text, "data.change={size=5}").size == 5)
  }

  @Test func withoutATableItsKeysHaveTheirDefaults() throws {
    let found = try read("")
    #expect(found.size == nil && !found.isOn)
    #expect(found.resolved == "[data]\npath = \"here\"\nchange.on = false\nlast = 1\n")
    #expect(try read("", "data.change.size=4").size == 4)
    #expect(try read("[data]\nchange = {}").resolved == found.resolved)
  }

  @Test(arguments: [
    ("[data]\nchange = 3", "x.toml:2: data.change: wanted a table, { … }, found 3"),
    ("[data]\nchange = { sise = 3 }", "data.change.sise: unknown key; did you mean size?"),
    (
      "[data]\nchange.size = 10",
      "data.change.size: wanted a whole number of at least 0 and at most 9, found 10"
    ),
    ("[data]\nchanges.size = 1", "data.changes: unknown key"),
  ])
  func mistakesAreNamedInOneLine(_ text: String, _ line: String) {
    do throws(ExperimentError) {
      _ = try read(text)
      Issue.record("it was read")
    } catch {
      #expect(error.description.contains(line))
    }
  }
}
