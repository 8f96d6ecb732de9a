import Charts
import Foundation
import Testing

@Suite struct ChartsTests {
  static func line(_ values: [Double?], _ style: Series.Style = .line, y: Axis = Axis("loss"))
    -> LineChart
  {
    LineChart(
      "Loss", x: Axis("step"), y: y,
      series: [
        Series(
          "training", values.enumerated().map { ChartPoint(Double($0.offset + 1), $0.element) },
          style: style, showsMissing: true)
      ])
  }

  @Test(
    arguments: [
      [], [2.3], [1, 1, 1], [nil, nil], [.nan, .infinity, -.infinity], [0, 0], [-5, 1e308, -1e308],
      [1e-300, 1e-305], [1e30, 1, nil, 3],
    ] as [[Double?]])
  func anyValuesGiveWellFormedMarkup(_ values: [Double?]) throws {
    for scale in [Axis.Scale.linear, .logarithmic, .automatic] {
      for style in [Series.Style.line, .smoothed, .marks] {
        let svg = Self.line(values, style, y: Axis("loss", scale: scale)).svg
        let read = try #require(WellFormed(svg), "\(values) \(scale): \(svg)")
        #expect(!svg.contains("nan") && !svg.contains("inf"))
        #expect(read.elements.prefix(3).map(\.name) == ["svg", "title", "desc"])
        if values.compactMap({ $0 }).filter(\.isFinite).isEmpty {
          #expect(read.words.contains("no values"))
        }
      }
    }
    let map = HeatMap(
      "Norms", label: "norm", x: Axis("step"), span: 1...2,
      rows: [.init("a", values), .init("b", values)])
    #expect(WellFormed(map.svg) != nil)
    let bars = StackedBars(
      "Time", label: "s", parts: ["a", "b"],
      rows: [.init("r", values.compactMap { $0 }), .init("s", [1, 2])])
    #expect(WellFormed(bars.svg) != nil)
  }

  // B5
  /// The axis shows the value of a constant: labels on both sides of it at distances of its size,
  /// and the line in the middle.
  @Test(arguments: [0.001, 3e-7, 1e-14, 2.5, 40_000, -0.02, 7e12])
  func aConstantShowsItsValue(_ value: Double) throws {
    let read = try #require(WellFormed(Self.line([value, value, value]).svg))
    let labels = read.labels.filter { $0.attributes["text-anchor"] == "end" }.compactMap {
      Double($0.words.replacing(",", with: "").replacing("−", with: "-"))
    }
    #expect(labels.count >= 3, "\(read.words)")
    let (low, high) = (try #require(labels.min()), try #require(labels.max()))
    #expect(low < value && value < high && high - low <= 1.2 * abs(value), "\(value) on \(labels)")
    // Labels are distinct.
    #expect(Set(labels).count == labels.count)
  }

  /// Tiny values that differ by a small part of their size are not drawn as one.
  @Test func smallDifferencesOfSmallValuesShow() throws {
    let read = try #require(WellFormed(Self.line([1e-14, 2e-14, 3e-14]).svg))
    let path = try #require(read.places(ofClass: "s0").first { $0.count >= 6 })
    #expect(Set(path.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)).count == 3)
  }

  @Test func everyTextIsEscaped() throws {
    let nasty = "<script>\"&'\u{0}\u{202E}]]>"
    let chart = LineChart(
      nasty, x: Axis(nasty), y: Axis(nasty),
      series: [Series(nasty, [ChartPoint(1, 1), ChartPoint(2, 3)])],
      bands: [Band(nasty, [.init(1, low: 0, high: 1)])], levels: [Level(nasty, 2)],
      marks: [Marks(nasty, at: [1])])
    let map = HeatMap(
      nasty, label: nasty, x: Axis(nasty), span: 0...1, rows: [.init(nasty, [1, 2])])
    let bars = StackedBars(nasty, label: nasty, parts: [nasty], rows: [.init(nasty, [1])])
    for text in [chart.svg, map.svg, bars.svg, chart.file] {
      let read = try #require(WellFormed(text))
      #expect(!text.contains("<script") && !text.contains("\u{0}") && !text.contains("\u{202E}"))
      #expect(read.words.contains("<script>\"&'\u{FFFD}]]>") || read.words.contains("<script>"))
    }
  }

  @Test func aSpikeSurvivesAndTheFileStaysSmall() throws {
    var values = (0..<10_000).map { 2 + sin(Double($0)) * 0.1 } as [Double?]
    values[6543] = 90
    let chart = Self.line(values)
    let read = try #require(WellFormed(chart.svg))
    let path = try #require(read.places(ofClass: "s0").first { $0.count > 100 })
    let ups = stride(from: 1, to: path.count, by: 2).map { path[$0] }
    let top = try #require(ups.min())
    // The range is 1.9 to 90 with a twentieth on both sides; the spike is alone in the highest
    // tenth.
    #expect(top < 0.06 * ups.max()! && ups.filter { $0 < 0.5 * ups.max()! }.count == 1)
    let place = path[2 * ups.firstIndex(of: top)!]
    let widest = stride(from: 0, to: path.count, by: 2).map { path[$0] }.max()!
    #expect(abs(place / widest - 6542.0 / 9999) < 0.005)
    #expect(chart.svg.utf8.count < 30_000, "\(chart.svg.utf8.count)")
    #expect(chart.svg == Self.line(values).svg)
    // The description names the extremes of the values.
    #expect(read.words.contains("highest 90"))
  }

  @Test func aGapIsNotBridgedAndALonePointIsSeen() throws {
    let read = try #require(WellFormed(Self.line([1, 2, nil, 3, nil, 4, 5]).svg))
    let line = try #require(
      read.elements.first {
        $0.attributes["class"] == "line s0"
          && ($0.attributes["d"] ?? "").filter { $0 == "M" }.count > 1
      })
    #expect(line.attributes["d"]!.filter { $0 == "M" }.count == 2)
    let marks = try #require(read.elements.first { $0.attributes["class"] == "f0" })
    #expect(marks.attributes["d"]!.filter { $0 == "M" }.count == 5)
    let crosses = try #require(read.elements.first { $0.attributes["class"] == "missing" })
    #expect(crosses.attributes["d"]!.filter { $0 == "M" }.count == 2)
    #expect(read.words.contains("no number"))
  }

  @Test(
    arguments: [
      ([0, 1], .linear, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
      ([0, 10_000], .linear, ["0", "2000", "4000", "6000", "8000", "10,000"]),
      ([1, 1e6], .logarithmic, ["1", "100", "10,000", "1e6"]),
      ([1, 20], .logarithmic, ["1", "2", "5", "10", "20"]),
      ([-0.02, 0.02], .linear, ["−0.02", "−0.01", "0", "0.01", "0.02"]),
      ([0, 1e-7], .linear, ["0", "2e-8", "4e-8", "6e-8", "8e-8", "1.0e-7"]),
      ([0, 4e7], .linear, ["0", "1e7", "2e7", "3e7", "4e7"]),
    ] as [([Double], Axis.Scale, [String])])
  func ticksAreRound(_ ends: [Double], _ scale: Axis.Scale, _ labels: [String]) throws {
    let chart = Self.line(
      [ends[0], ends[1]], y: Axis("", scale: scale, lowest: ends[0], highest: ends[1]))
    let read = try #require(WellFormed(chart.svg))
    let words = read.words.split(separator: "\n").map(String.init)
    let found = words.firstIndex(of: labels[0]).map {
      Array(words[$0..<min(words.count, $0 + labels.count)])
    }
    #expect(found == labels, "\(words)")
  }

  @Test func aRunningMeanIsTheMean() throws {
    // A saw tooth around a ramp: its running mean is the ramp.
    let values = (0..<400).map { Double($0) + ($0 % 2 == 0 ? 40.0 : -40.0) }
    let read = try #require(WellFormed(Self.line(values, .smoothed).svg))
    let pale = try #require(read.places(ofClass: "pale").first)
    let mean = try #require(read.places(ofClass: "s0").first { $0.count > 100 })
    let (lowest, highest) = (
      pale.enumerated().filter { $0.offset % 2 == 1 }.map(\.element).max()!,
      pale.enumerated().filter { $0.offset % 2 == 1 }.map(\.element).min()!
    )
    // Units of length a unit of value: the points go from −39 to 438.
    let unit = (lowest - highest) / (438 + 39)
    let middle = stride(from: mean.count / 4 * 2, to: mean.count / 4 * 2 + 20, by: 2)
    for index in middle {
      let value = (lowest - mean[index + 1]) / unit - 39
      let wanted = mean[index] / (pale[pale.count - 2]) * 399
      #expect(abs(value - wanted) < 8, "\(value) for \(wanted)")
    }
  }

  @Test func equalShadesOfAHeatMapAreOnePieceAndBarsAddUp() throws {
    let map = HeatMap(
      "Norms", label: "norm", x: Axis("step"), span: 1...100,
      rows: [.init("a", [1, 1, 1, 1000]), .init("b", [nil, 30, 30, 30])])
    let read = try #require(WellFormed(map.svg))
    #expect(
      read.elements.contains {
        $0.attributes["class"] == "h0" && $0.attributes["d"] == "M0 0h3v1h-3z"
      })
    #expect(
      read.elements.contains {
        $0.attributes["class"] == "h15" && $0.attributes["d"] == "M3 0h1v1h-1z"
      })
    #expect(
      read.elements.contains {
        $0.attributes["class"] == "h7" && $0.attributes["d"] == "M1 1h3v1h-3z"
      })
    let bars = StackedBars(
      "Time", label: "seconds", parts: ["compute", "reduce"], rows: [.init("rank 0", [3, 1])])
    let drawn = try #require(WellFormed(bars.svg))
    let widths = drawn.elements.filter { $0.attributes["class"]?.hasPrefix("edge") == true }.map {
      element -> Double in
      Double(element.attributes["d"]!.split(separator: "h")[1].split(separator: "v")[0])!
    }
    #expect(widths.count == 2 && abs(widths[0] - 3 * widths[1]) < 0.5)
    #expect(drawn.words.contains("compute 75 %") && drawn.words.contains("reduce 25 %"))
  }
}
