/// Builds SVG: elements with escaped attributes and text, coordinates to a tenth.
struct SVGText {
  private(set) var text = ""

  /// A chart as an element of its own: its title and what it says in words, for those who do not
  /// see it, then what `content` draws.
  static func chart(
    title: String, summary: String, width: Double, height: Double, content: (inout SVGText) -> Void
  ) -> String {
    var svg = SVGText()
    svg.element(
      "svg",
      [
        ("xmlns", "http://www.w3.org/2000/svg"), ("class", "chart"), ("role", "img"),
        ("viewBox", "0 0 \(number(width)) \(number(height))"),
      ]
    ) { svg in
      svg.element("title", words: title)
      svg.element("desc", words: summary)
      content(&svg)
    }
    return svg.text
  }

  /// An element without content.
  mutating func element(_ name: String, _ attributes: [(String, String)]) {
    open(name, attributes, end: "/>")
  }

  mutating func element(
    _ name: String, _ attributes: [(String, String)] = [], content: (inout SVGText) -> Void
  ) {
    open(name, attributes, end: ">")
    content(&self)
    text += "</\(name)>"
  }

  /// An element that holds words.
  mutating func element(_ name: String, _ attributes: [(String, String)] = [], words: String) {
    element(name, attributes) { $0.text += Markup.escaped(words) }
  }

  /// Markup that is built already.
  mutating func raw(_ markup: String) { text += markup }

  private mutating func open(_ name: String, _ attributes: [(String, String)], end: String) {
    text += "<\(name)"
    for (key, value) in attributes { text += " \(key)=\"\(Markup.escaped(value))\"" }
    text += end
  }

  /// A label at a place.
  mutating func label(
    _ words: String, x: Double, y: Double, anchor: String = "start", style: String = ""
  ) {
    var attributes = [("x", Self.number(x)), ("y", Self.number(y))]
    if anchor != "start" { attributes.append(("text-anchor", anchor)) }
    if !style.isEmpty { attributes.append(("class", style)) }
    element("text", attributes, words: words)
  }

  /// A straight line.
  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, style: String) {
    element(
      "path",
      [
        ("class", style),
        ("d", "M\(Self.number(x1)) \(Self.number(y1))L\(Self.number(x2)) \(Self.number(y2))"),
      ])
  }

  /// A coordinate to a tenth, without a zero that says nothing: `12.5`, `12`, `-0.1`.
  static func number(_ value: Double) -> String {
    guard value.isFinite else { return "0" }
    let tenths = Int((max(-1e6, min(1e6, value)) * 10).rounded())
    let (whole, rest) = (abs(tenths) / 10, abs(tenths) % 10)
    return (tenths < 0 ? "-" : "") + (rest == 0 ? "\(whole)" : "\(whole).\(rest)")
  }

  /// About as wide as the text is drawn, in a proportional typeface of this size.
  static func width(_ words: String, size: Double = 12) -> Double {
    words.unicodeScalars.reduce(0) { sum, scalar in
      let share =
        switch scalar {
        case "i", "l", "j", ".", ",", "'", "|", " ", "t", "f", "r", "I": 0.4
        case "m", "w", "M", "W", "—": 0.95
        case "A"..."Z": 0.7
        default: scalar.value > 0x2E80 ? 1 : 0.62
        }
      return sum + share * size
    }
  }

  /// The text cut to a width, with an ellipsis.
  static func fitted(_ words: String, width limit: Double, size: Double = 12) -> String {
    guard width(words, size: size) > limit else { return words }
    var kept = words
    while !kept.isEmpty, width(kept + "…", size: size) > limit { kept.removeLast() }
    return kept + "…"
  }
}
