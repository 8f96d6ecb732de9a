import ExperimentKeys
import Testing

/// A value in the notation of the tests below: text without quotes only where it cannot be
/// mistaken.
private func shown(_ value: TOMLTree.Value) -> String {
  switch value {
  case .string(let text): "'\(text)'"
  case .integer(let number): "\(number)"
  case .number(let number): "\(number)"
  case .boolean(let flag): "\(flag)"
  case .other(let name): "<\(name)>"
  case .array(let nodes): "[" + nodes.map { shown($0.value) }.joined(separator: " ") + "]"
  case .table(let entries):
    "{"
      + entries.sorted { $0.key < $1.key }.map { "\($0.key)=\(shown($0.value.value))" }.joined(
        separator: " ") + "}"
  }
}

private func document(_ text: String) throws -> String {
  shown(try TOMLTree(text: text, source: "x.toml").root.value)
}

private func failure(_ text: String) -> String? {
  do {
    _ = try TOMLTree(text: text, source: "x.toml")
    return nil
  } catch {
    return error.description
  }
}

/// TOML 1.0, form by form, after the specification's examples; Python's tomllib reads them the
/// same.
@Suite struct TOMLTests {
  @Test(arguments: [
    ("", "{}"), ("# only\n\t# comments\r\n", "{}"), ("\u{FEFF}a = 1", "{a=1}"),
    (
      "a=1\nb = -17\nc = +0\nd = 1_000\ne = 0xDEAD_beef\nf = 0o755\ng = 0b1101",
      "{a=1 b=-17 c=0 d=1000 e=3735928559 f=493 g=13}"
    ),
    (
      "a = 9223372036854775807\nb = -9223372036854775808",
      "{a=9223372036854775807 b=-9223372036854775808}"
    ),
    (
      "a = 1.5\nb = -0.01\nc = 5e+22\nd = 1e06\ne = -2E-2\nf = 6.626e-34\ng = 1_2.3_4",
      "{a=1.5 b=-0.01 c=5e+22 d=1000000.0 e=-0.02 f=6.626e-34 g=12.34}"
    ),
    ("a = inf\nb = -inf\nc = +nan\nd = 1e999", "{a=inf b=-inf c=nan d=inf}"),
    ("a = true\nb = false", "{a=true b=false}"),
    (
      "a = 1979-05-27T07:32:00Z\nb = 1979-05-27 00:32:00.999999-07:00",
      "{a=<date and time> b=<date and time>}"
    ),
    ("a = 1979-05-27\nb = 07:32:00.5\nc = 2000-02-29", "{a=<date> b=<time> c=<date>}"),
    (#"a = "\b\t\n\f\r\"\\\u00E9\U0001F600""#, "{a='\u{8}\t\n\u{C}\r\"\\é😀'}"),
    (#"a = 'C:\n'"#, #"{a='C:\n'}"#), ("a = \"\"\nb = ''", "{a='' b=''}"),
    ("a = \"\"\"\nRoses\r\nViolets\"\"\"", "{a='Roses\nViolets'}"),
    ("a = \"\"\"one \\\n\n   two \\   \n three\"\"\"", "{a='one two three'}"),
    (#"a = """"quoted"" and ""\"""""#, #"{a='"quoted"" and """'}"#),
    ("a = '''\n'quoted'\\n'''''", "{a=''quoted'\\n'''}"),
    ("a = []\nb = [ 1, 2, ]\nc = [\n 1, # one\n\n [\"x\"]\n]", "{a=[] b=[1 2] c=[1 ['x']]}"),
    ("a = {}\nb = { c = 1, d.e = 'x' }", "{a={} b={c=1 d={e='x'}}}"),
    ("a.b = 1\na . \"c d\" = 2\n'e'.f = 3\n3.14 = 4", "{3={14=4} a={b=1 c d=2} e={f=3}}"),
    ("\"\" = 1\n\"a.b\" = 2", "{=1 a.b=2}"),
    ("[a]\n[a.b]\nx = 1\n[c.d.e]\n[c]\ny = 2", "{a={b={x=1}} c={d={e={}} y=2}}"),
    ("[ a . 'b' ] # c\nx=1", "{a={b={x=1}}}"),
    ("[[a]]\nx = 1\n[[a]]\n[a.b]\ny = 2\n[[a.c]]\n[[a.c]]", "{a=[{x=1} {b={y=2} c=[{} {}]}]}"),
    ("[a]\nb.c = 1\nb.d = 2\n[a.b.e]\nf = 3", "{a={b={c=1 d=2 e={f=3}}}}"),
    ("[a.b.c]\n[a]\nb.d = 1", "{a={b={c={} d=1}}}"),
  ])
  func documentsAreReadAsTheSpecificationSays(_ text: String, _ value: String) throws {
    #expect(try document(text) == value)
  }

  /// Invalid TOML, with the line and column of the mistake.
  @Test(arguments: [
    ("a", 1, 2), ("a =", 1, 4), ("a = 1 b = 2", 1, 7), ("= 1", 1, 1), ("a = = 1", 1, 5),
    ("a. = 1", 1, 4), ("\n\n  é = 1", 3, 3), ("a = ü", 1, 5),
    ("a = 1\na = 2", 2, 1), ("[a]\n[a]", 2, 2), ("[a]\n[[a]]", 2, 3), ("[[a]]\n[a]", 2, 2),
    ("a = []\n[[a]]", 2, 3), ("a = {}\n[a.b]", 2, 2),
    ("a = { b = 1 }\na.c = 2", 2, 1), ("[a.b.c]\n[a]\nb.c.d = 1", 3, 3), ("a.b = 1\n[a]", 2, 2),
    ("[a]\nb.c = 1\n[a.b]", 3, 4), ("a.b = 1\na = 2", 2, 1),
    ("[[a.b]]\n[a]\nb.c = 1", 3, 1), ("a = 1\na.b = 2", 2, 1), ("a = 01", 1, 5), ("a = 1__0", 1, 5),
    ("a = 1.", 1, 5), ("a = .5", 1, 5), ("a = 0x", 1, 5),
    ("a = +0x1", 1, 5), ("a = 9223372036854775808", 1, 5), ("a = 1979-02-30", 1, 5),
    ("a = 25:00:00", 1, 5), ("a = mlp", 1, 5), ("a = True", 1, 5),
    ("a = \"x", 1, 5), ("a = \"x\ny\"", 1, 5), ("a = 'x", 1, 5), ("a = \"\"\"x\n\n", 1, 5),
    ("a = \"\\x\"", 1, 6), ("a = \"\\uD800\"", 1, 6), ("a = \"\\u00G0\"", 1, 10),
    ("a = \"\u{1}\"", 1, 6), ("# \u{7F}", 1, 3), ("a = 1\rb = 2", 1, 6), ("a = [1", 1, 7),
    ("a = [1 2]", 1, 8), ("a = [,]", 1, 6), ("a = {\nb = 1}", 1, 6),
    ("a = { b = 1, }", 1, 14), ("[a", 1, 3), ("[]", 1, 2), ("[a]]", 1, 4), ("[[a]", 1, 5),
    ("[ [a]]", 1, 3), ("[a]b = 1", 1, 4), ("a = '''''' '", 1, 12),
    // E2
    ("[@x]", 1, 2), ("[=", 1, 2), ("[.", 1, 2), ("[é", 1, 2), ("[\u{202E}]", 1, 2),
  ])
  func invalidTOMLNamesLineAndColumn(_ text: String, _ line: Int, _ column: Int) throws {
    let error = try #require(failure(text))
    #expect(
      error.hasPrefix("x.toml:\(line): not TOML: ") && error.hasSuffix("(column \(column))"),
      "\(error)")
    #expect(
      error.unicodeScalars.allSatisfy {
        $0.properties.generalCategory != .control && $0.properties.generalCategory != .format
      }, "\(error)")
  }

  @Test func messagesSayWhatWasWantedAndFound() {
    #expect(
      failure("a = mlp")
        == "x.toml:1: not TOML: mlp is no value: a string has quotes, \"mlp\"; true and false are written small (column 5)"
    )
    #expect(failure("[@x]") == "x.toml:1: not TOML: wanted a key, found \"@\" (column 2)")
    #expect(
      failure("seed = 1\n[é") == "x.toml:2: not TOML: wanted a key, found \"é\" (U+00E9) (column 2)"
    )
    #expect(
      failure("a = [1 2]") == "x.toml:1: not TOML: wanted a comma or ], found \"2\" (column 8)")
    #expect(failure("a.b = 1\n[a]") == "x.toml:2: not TOML: a is there twice (column 2)")
  }

  /// E1
  @Test func aNULIsNamedByItsByte() {
    #expect(
      failure("seed = 1\n\0seed = 2") == "x.toml:2: byte 9: a NUL; an experiment file is UTF-8 text"
    )
  }

  /// E2: everything that nests, at the allowed depth, one level deeper, and far deeper.
  @Test func depthIsLimited() {
    func nested(_ depth: Int) -> [String] {
      let dots = Array(repeating: "a", count: depth).joined(separator: ".")
      return [
        "\(dots) = 1", "[\(dots)]",
        "a = " + String(repeating: "[", count: depth - 1)
          + String(repeating: "]", count: depth - 1),
        "a = " + String(repeating: "{a=", count: depth - 1) + "1"
          + String(repeating: "}", count: depth - 1),
        String(dots.dropLast(2)) + " = [1]", "[a.a]\n" + String(dots.dropLast(4)) + " = 1",
        (1...depth / 2).map {
          "[[" + Array(repeating: "a", count: $0).joined(separator: ".") + "]]"
        }.joined(separator: "\n"),
      ]
    }
    for text in nested(64) { #expect(failure(text) == nil, "\(text.prefix(80))") }
    for text in nested(66) + nested(1000) + nested(2000).prefix(6) {
      #expect(failure(text)?.contains("more than 64 levels") == true, "\(text.prefix(80))")
    }
    let long = Array(repeating: "a", count: 30_000).joined(separator: ".")
    for text in [
      "\(long) = 1", "[\(long)]", "[[\(long)]]", "a = " + String(repeating: "[", count: 500_000),
    ] {
      #expect(failure(text)?.contains("more than 64 levels") == true)
    }
  }

  /// Large documents of small parts: the time of none grows with the square of its size, and no
  /// message repeats one.
  @Test func largeDocumentsAreRead() throws {
    #expect(
      failure(String(repeating: "#", count: (1 << 20) + 1))
        == "x.toml: 1048577 bytes; an experiment file has at most 1 MiB")
    for text in [
      String(repeating: "[[a]]\n", count: 100_000),
      "a = [" + String(repeating: "1,", count: 300_000) + "]",
      (0..<50_000).map { "k\($0)=1\n" }.joined(),
    ] { #expect(failure(text) == nil) }
    for text in [
      "a = " + String(repeating: "x", count: 1_000_000),
      String(repeating: "x", count: 500_000) + ".y = 1\n" + String(repeating: "x", count: 500_000)
        + " = 2",
    ] {
      #expect(try #require(failure(text)).utf8.count < 400)
    }
  }

  /// Line and column of every value, at any depth.
  @Test func everyValueKnowsItsPlace() throws {
    let text = """
      name = "é"  # first
      [model]
      layers = [
        { kind = "dense", width = 3 }, { kind = "é", layers = [ { rate = [1, 2] } ] },
      ]
        size.x = 1
      [[optimizer.groups]]
      rate = 1
      [[optimizer.groups]]
      "a key" = { b = 2 }
      """
    let tree = try TOMLTree(text: text, source: "x.toml")
    func place(_ parts: TOMLPath.Part...) -> String {
      tree.position(TOMLPath(parts)).map { "\($0.line):\($0.column)" } ?? "nowhere"
    }
    let layers: [TOMLPath.Part] = [.key("model"), .key("layers")]
    func layer(_ parts: TOMLPath.Part...) -> String {
      tree.position(TOMLPath(layers + parts)).map { "\($0.line):\($0.column)" } ?? "nowhere"
    }
    #expect(
      place(.key("name")) == "1:1" && place(.key("model")) == "2:2" && layer() == "3:1"
        && layer(.index(0)) == "4:3")
    #expect(
      layer(.index(0), .key("kind")) == "4:5" && layer(.index(0), .key("width")) == "4:21"
        && layer(.index(1)) == "4:34")
    #expect(
      layer(.index(1), .key("layers")) == "4:48"
        && layer(.index(1), .key("layers"), .index(0), .key("rate")) == "4:61")
    #expect(layer(.index(1), .key("layers"), .index(0), .key("rate"), .index(1)) == "4:72")
    #expect(
      place(.key("model"), .key("size"), .key("x")) == "6:8"
        && place(.key("model"), .key("size")) == "6:3")
    #expect(
      place(.key("optimizer"), .key("groups")) == "7:13"
        && place(.key("optimizer"), .key("groups"), .index(1)) == "9:13")
    #expect(place(.key("optimizer"), .key("groups"), .index(0), .key("rate")) == "8:1")
    #expect(
      place(.key("optimizer"), .key("groups"), .index(1), .key("a key"), .key("b")) == "10:13")
    #expect(layer(.index(2)) == "nowhere" && place(.key("optimizer"), .key("rate")) == "nowhere")
  }
}
