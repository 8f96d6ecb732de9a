import Recording
import Reports
import Testing

/// The parts of pages.
struct PageTextTests {
  /// Fault list F: at 390 pixels a table must not run off the right edge. On a narrow screen a row is a
  /// list, each cell with its column's name.
  @Test func eachCellOfATableNamesItsColumn() {
    var page = PageText(title: "a & b")
    page.table(["", "loss <b>"], [["first", "0.25"]])
    page.end()
    #expect(
      page.text.contains(
        "<th scope=\"row\">first</th><td class=\"n\" data-label=\"loss &lt;b&gt;\">0.25</td>"))
    #expect(
      page.text.contains("@media(max-width:600px){")
        && page.text.contains("content:attr(data-label)"))
    #expect(page.text.contains("<title>a &amp; b</title>"))
  }
}
