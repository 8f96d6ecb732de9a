import Charts

/// A page that needs nothing but itself: no script, no network, no font.
public struct PageText {
  public private(set) var text: String

  public init(title: String) {
    text = """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width,initial-scale=1"/>
      <meta name="generator" content="Lockstep \(Markup.escaped(Release.version))"/>
      <title>\(Markup.escaped(title))</title>
      <link rel="icon" href="data:,"/>
      <style>
      \(ChartStyle.css)\(Self.css)</style></head>
      <body><main>

      """
  }

  public mutating func end() { text += "</main></body></html>\n" }

  public mutating func raw(_ markup: String) { text += markup + "\n" }

  /// An element that holds words.
  public mutating func element(_ name: String, _ words: String, style: String = "") {
    text +=
      "<\(name)\(style.isEmpty ? "" : " class=\"\(style)\"")>\(Markup.escaped(words))</\(name)>\n"
  }

  public mutating func section(
    _ title: String, style: String = "", _ content: (inout PageText) -> Void
  ) {
    text += "<section\(style.isEmpty ? "" : " class=\"\(style)\"")>\n"
    if !title.isEmpty { element("h2", title) }
    content(&self)
    text += "</section>\n"
  }

  public mutating func list(_ items: [String]) {
    guard !items.isEmpty else { return }
    text += "<ul>" + items.map { "<li>\(Markup.escaped($0))</li>" }.joined() + "</ul>\n"
  }

  public mutating func charts(_ charts: [any Chart]) {
    text += "<div class=\"grid\">\n"
    for chart in charts { text += "<figure>\(chart.svg)</figure>\n" }
    text += "</div>\n"
  }

  /// A chart as wide as the page, which scrolls by itself where the page is narrow.
  mutating func wide(_ chart: some Chart) {
    text += "<figure class=\"wide\" tabindex=\"0\">\(chart.svg)</figure>\n"
  }

  /// A table whose first `words` columns stand left; `marked` cells stand out.
  public mutating func table(
    _ head: [String], _ rows: [[String]], words: Int = 1, caption: String = "",
    marked: (Int, Int) -> Bool = { _, _ in false }
  ) {
    text += "<div class=\"scroll\" tabindex=\"0\"><table>"
    if !caption.isEmpty { text += "<caption>\(Markup.escaped(caption))</caption>" }
    func style(_ column: Int) -> String { column < words ? "" : " class=\"n\"" }
    text +=
      "<thead><tr>"
      + head.enumerated().map {
        "<th scope=\"col\"\(style($0.offset))>\(Markup.escaped($0.element))</th>"
      }.joined()
    text += "</tr></thead><tbody>\n"
    // On a phone a row is a list: each cell then shows its column's name.
    let labels = head.map { $0.isEmpty ? "" : " data-label=\"\(Markup.escaped($0))\"" }
    for (index, row) in rows.enumerated() {
      text += "<tr>"
      for (column, cell) in row.enumerated() {
        let words =
          marked(index, column) ? "<mark>\(Markup.escaped(cell))</mark>" : Markup.escaped(cell)
        text +=
          column == 0
          ? "<th scope=\"row\"\(labels[column])>\(words)</th>"
          : "<td\(style(column))\(labels[column])>\(words)</td>"
      }
      text += "</tr>\n"
    }
    text += "</tbody></table></div>\n"
  }

  /// Key figures as tiles: a name, a value, and what there is to say of it.
  mutating func tiles(_ tiles: [(name: String, value: String, note: String)]) {
    text += "<dl class=\"tiles\">\n"
    for tile in tiles {
      text += "<div><dt>\(Markup.escaped(tile.name))</dt><dd>\(Markup.escaped(tile.value))"
      text +=
        (tile.note.isEmpty ? "" : "<small>\(Markup.escaped(tile.note))</small>") + "</dd></div>\n"
    }
    text += "</dl>\n"
  }

  /// Text as it is, folded away.
  public mutating func details(_ title: String, _ content: String) {
    text +=
      "<details><summary>\(Markup.escaped(title))</summary><pre tabindex=\"0\">\(Markup.escaped(content))</pre></details>\n"
  }

  private static let css = """
    *{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
    main{max-width:1500px;margin:0 auto;padding:20px clamp(12px,2.5vw,36px) 48px}
    h1{font-size:1.6rem;line-height:1.25;margin:0 0 6px;overflow-wrap:anywhere}h2{font-size:1.15rem;margin:34px 0 8px}
    p{margin:6px 0;max-width:80ch}ul{margin:8px 0;padding-left:1.3em;max-width:96ch}li{margin:3px 0;overflow-wrap:anywhere}
    .quiet{color:var(--quiet);overflow-wrap:anywhere}
    .verdict{display:inline-block;font-weight:700;padding:2px 12px;border-radius:99px;border:2px solid;margin:4px 0}
    .good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
    .alarm{border-left:4px solid var(--bad);padding:6px 12px;background:var(--panel);max-width:96ch;overflow-wrap:anywhere}
    .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,165px),1fr));gap:10px;margin:18px 0}
    .tiles div{background:var(--panel);border-radius:8px;padding:9px 12px;min-width:0}.tiles dt{color:var(--quiet);font-size:.85rem}
    .tiles dd{margin:0;font-size:1.3rem;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
    .tiles small{display:block;font-size:.8rem;font-weight:400;color:var(--quiet)}
    .grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,380px),1fr));gap:14px}
    figure{margin:0;background:var(--panel);border-radius:8px;padding:8px;min-width:0}
    .wide{overflow-x:auto;margin-top:14px}.wide .chart{min-width:680px;max-width:960px}
    .scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
    caption{text-align:left;color:var(--quiet);padding:4px 0}
    th,td{padding:4px 14px 4px 0;border-bottom:1px solid var(--faint);text-align:left;font-weight:400;white-space:nowrap}
    thead th{color:var(--quiet)}.n{text-align:right}mark{background:none;color:inherit;font-weight:700;border-bottom:2px solid var(--s1)}
    @media(max-width:600px){.scroll table,.scroll tbody,.scroll tr,.scroll caption{display:block}.scroll thead{display:none}
    .scroll tr{border-bottom:1px solid var(--faint);padding:6px 0}
    .scroll td,.scroll tbody th{display:flex;justify-content:space-between;gap:14px;border:0;padding:1px 0;white-space:normal;overflow-wrap:anywhere;text-align:right}
    .scroll tbody th{font-weight:600}.scroll [data-label]::before{content:attr(data-label);color:var(--quiet);font-weight:400;text-align:left;white-space:nowrap}}
    details{margin:10px 0}summary{cursor:pointer;font-weight:600}
    pre{background:var(--panel);border-radius:8px;padding:12px;overflow-x:auto;font-size:.82rem;line-height:1.45}
    @media print{details>pre{display:block}figure{break-inside:avoid}}

    """
}
