/// Thins a line to what its pixels can show: of each column the first, the lowest, the highest and
/// the last point, so that no spike is lost.
enum PixelColumns {
  /// A point in the chart's units of length.
  struct Place: Equatable {
    var x: Double
    var y: Double
  }

  /// The unbroken parts of a line; `nil` breaks it.
  static func parts(_ places: some Sequence<Place?>) -> [[Place]] {
    var parts: [[Place]] = []
    var part: [Place] = []
    for place in places {
      if let place {
        part.append(place)
      } else if !part.isEmpty {
        (parts, part) = (parts + [part], [])
      }
    }
    return part.isEmpty ? parts : parts + [part]
  }

  /// At most four points a column of width 1, in their order.
  static func thinned(_ part: [Place]) -> [Place] {
    var kept: [Place] = []
    var start = 0
    while start < part.count {
      let column = part[start].x.rounded(.down)
      var (end, low, high) = (start, start, start)
      while end < part.count, part[end].x.rounded(.down) == column {
        if part[end].y < part[low].y { low = end }
        if part[end].y > part[high].y { high = end }
        end += 1
      }
      var last = -1
      for index in [start, min(low, high), max(low, high), end - 1] where index != last {
        kept.append(part[index])
        last = index
      }
      start = end
    }
    return kept
  }

  /// The running mean over `width` points, centred, at most one point every two columns.
  static func smoothed(_ part: [Place], width: Int) -> [Place] {
    let reach = width / 2
    var sum = 0.0
    var (from, to) = (0, 0)
    var kept: [Place] = []
    for index in part.indices {
      // At the start, where curves are steep, the window shrinks to both sides; at the end
      // one-sidedly, so that no single point is the last word.
      let near = min(reach, index)
      while to <= min(index + near, part.count - 1) {
        sum += part[to].y
        to += 1
      }
      while from < index - near {
        sum -= part[from].y
        from += 1
      }
      if let last = kept.last, part[index].x < last.x + 2, index < part.count - 1 { continue }
      kept.append(Place(x: part[index].x, y: sum / Double(to - from)))
    }
    return kept
  }

  /// The data of an SVG path through the points.
  static func path(_ part: [Place]) -> String {
    var text = ""
    for (index, place) in part.enumerated() {
      text += index == 0 ? "M" : index == 1 ? "L" : " "
      text += SVGText.number(place.x) + " " + SVGText.number(place.y)
    }
    return text
  }
}
