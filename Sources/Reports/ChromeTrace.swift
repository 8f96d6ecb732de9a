import Recording

/// A file of trace events as Chrome's tracing and Perfetto read it: one row a rank, spans within
/// spans.
///
/// Trace Event Format (Google): complete events, `"ph":"X"`, with start and length in microseconds,
/// and metadata that names the rows.
public struct ChromeTrace {
  private let events: [Event]
  private let rows: [String]

  /// A span of a row, in microseconds since the trace's start.
  public struct Event: Sendable, Equatable {
    public var row: Int
    public var name: String
    public var start: Double
    public var length: Double

    public init(row: Int, name: String, start: Double, length: Double) {
      (self.row, self.name, self.start, self.length) = (row, name, start, length)
    }
  }

  public init(rows: [String], events: [Event]) { (self.rows, self.events) = (rows, events) }

  /// The file's text.
  public var text: String {
    var json = JSONText(capacity: 128 * events.count)
    json.object {
      $0.field("displayTimeUnit", "ms")
      $0.key("traceEvents")
      $0.array(0..<rows.count + events.count) { json, index in
        if index < rows.count {
          Self.name(index, rows[index], &json)
        } else {
          Self.write(events[index - rows.count], &json)
        }
      }
    }
    return json.string + "\n"
  }

  private static func name(_ row: Int, _ name: String, _ json: inout JSONText) {
    json.object {
      $0.field("ph", "M")
      $0.field("name", "process_name")
      $0.field("pid", row)
      $0.field("tid", 0)
      $0.key("args")
      $0.object { $0.field("name", name) }
    }
  }

  private static func write(_ event: Event, _ json: inout JSONText) {
    json.object {
      $0.field("ph", "X")
      $0.field("name", event.name)
      $0.field("pid", event.row)
      $0.field("tid", 0)
      $0.field("ts", event.start)
      $0.field("dur", event.length)
    }
  }
}
