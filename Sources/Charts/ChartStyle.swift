/// How charts look: the style sheet that they share, with colours for light and for dark pages.
public enum ChartStyle {
  /// How many colours, dashes and marks there are before they repeat.
  public static let colours = 8

  /// Okabe and Ito's colours, which the colour-blind can distinguish, darkened or lightened to
  /// stand out from the page.
  private static let light = [
    "#0067a5", "#c8500a", "#00805c", "#a8407f", "#8a6a00", "#3d87b8", "#5b5b5b", "#7a3fb0",
  ]
  private static let dark = [
    "#6cb8f0", "#ff9b5c", "#4fd0a5", "#ee94c8", "#e8cf5a", "#9fd3f5", "#b8b8b8", "#c3a0f0",
  ]
  static let dashes = [
    "", "7 3", "2 2.5", "8 2.5 2 2.5", "12 3", "4 4", "1.5 4", "9 2 1.5 2 1.5 2",
  ]
  /// Shades of a heat map, from the lowest class to the highest.
  static let shades = 16

  /// The rules for a page's `style` element, or for an SVG file of its own.
  public static var css: String {
    """
    :root{color-scheme:light dark;--page:#fff;--panel:#f6f7f9;--ink:#16191d;--quiet:#59626d;--faint:#dde1e6;--bad:#b3261e;--good:#0b6e3f;--warn:#8a5a00;\
    \(variables(light));--cold:#eef3f8;--hot:#08306b}
    @media (prefers-color-scheme:dark){:root{--page:#101317;--panel:#191d23;--ink:#e8ebef;--quiet:#a0a9b4;--faint:#333a43;--bad:#ff8f86;--good:#63d69b;\
    --warn:#f0b755;\(variables(dark));--cold:#1d242c;--hot:#ffe08a}}
    .chart{display:block;width:100%;height:auto;font:12px system-ui,sans-serif}
    .chart text{fill:var(--quiet)}.chart .title{fill:var(--ink);font-weight:600;font-size:13.5px}.chart .name{fill:var(--ink)}
    .chart path{fill:none;stroke-linejoin:round}.chart .grid{stroke:var(--faint)}.chart .axis{stroke:var(--quiet)}
    .chart .level{stroke:var(--bad);stroke-dasharray:5 3;stroke-width:1.2}.chart .mark{stroke:var(--warn);stroke-dasharray:3 3}
    .chart .flag{fill:var(--warn);stroke:none}.chart .missing{stroke:var(--bad);stroke-width:1.3}
    .chart .line{stroke-width:1.7}.chart .pale{stroke-width:.9;opacity:.32}.chart .band{stroke:none;opacity:.2}
    .chart .inside{fill:var(--page);font-weight:600}.chart .edge{stroke:var(--page);stroke-width:1}

    """
      + (0..<colours).map { index in
        ".chart .s\(index){stroke:var(--s\(index))\(dashes[index].isEmpty ? "" : ";stroke-dasharray:\(dashes[index])")}"
          + ".chart .f\(index){fill:var(--s\(index));stroke:none}.chart .p\(index){stroke:var(--s\(index))}"
      }.joined(separator: "\n")
      + "\n"
      + (0..<shades).map { shade in
        let part = Int((Double(shade) / Double(shades - 1) * 100).rounded())
        return ".chart .h\(shade){fill:color-mix(in oklab,var(--hot) \(part)%,var(--cold))}"
      }.joined() + "\n"
  }

  private static func variables(_ colours: [String]) -> String {
    colours.enumerated().map { "--s\($0.offset):\($0.element)" }.joined(separator: ";")
  }
}

/// A picture of numbers that renders itself as SVG.
public protocol Chart: Sendable {
  /// An `svg` element for a page whose style holds ``ChartStyle/css``; the same bytes for the same
  /// values.
  var svg: String { get }
}

extension Chart {
  /// The text of an SVG file that stands alone.
  public var file: String {
    let element = svg
    let end = element.index(after: element.firstIndex(of: ">")!)
    return
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\(element[..<end])<style>\(ChartStyle.css)</style>"
      + "<rect width=\"100%\" height=\"100%\" fill=\"var(--page)\"/>\(element[end...])\n"
  }
}
