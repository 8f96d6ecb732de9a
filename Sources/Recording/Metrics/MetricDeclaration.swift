/// What a metric is and where it is shown. A run directory records those that the record of a step
/// does not have by itself, so that a program that does not know a metric can draw it.
public struct MetricDeclaration: Sendable, Equatable {
  /// Its field in a line of `metrics.jsonl`: a name, or the names of an object and of its field,
  /// joined by a dot. Letters, digits, `_` and `-`.
  public var name: String
  /// What it counts, as the heads of tables have it; nil for a number without a unit.
  public var unit: String?
  /// A sentence.
  public var help: String
  /// TensorBoard's tag; nil where TensorBoard does not show it.
  public var tag: String?
  /// The name for Prometheus, after `lockstep_`; nil where it is not scraped.
  public var gauge: String?
  /// The line of a chart; nil where no chart shows it.
  public var line: MetricLine?

  /// Tag and gauge follow from the name.
  public init(_ name: String, unit: String? = nil, help: String, line: MetricLine? = nil) {
    self.init(
      name, unit: unit, help: help, tag: String(name.map { $0 == "." ? "/" : $0 }),
      gauge: String(name.map { $0 == "." || $0 == "-" ? "_" : $0 }), line: line)
  }

  init(
    _ name: String, unit: String? = nil, help: String = "", tag: String?, gauge: String? = nil,
    line: MetricLine? = nil
  ) {
    self.name = name
    self.unit = unit
    self.help = help
    self.tag = tag
    self.gauge = gauge
    self.line = line
  }

  /// The object that the field is in; the field's own name where it is in none.
  var group: Substring { name.prefix { $0 != "." } }

  /// Why this cannot be a metric besides others, in words; nil where it can.
  package func problem(among others: [MetricDeclaration]) -> String? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy(Self.isName) else {
      return
        "\(name): a metric's name is letters, digits, _ and -, or two such names joined by a dot"
    }
    if let gauge, !Self.isName(gauge[...]) || gauge.contains("-") {
      return "\(name): \(gauge) is no name for Prometheus"
    }
    if StepRecord.fieldNames.contains(String(group)) {
      return "\(name): a record of a step has a field \(group) of another kind"
    }
    for other in others where other.group == group {
      if other.name == name { return "\(name): there is a metric of this name" }
      if parts.count == 1 || other.name == group {
        return "\(name): \(other.name) is a metric: \(group) cannot be a number and an object"
      }
    }
    return nil
  }

  private static func isName(_ text: Substring) -> Bool {
    guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
    else { return false }
    return text.unicodeScalars.allSatisfy {
      $0.isASCII
        && ($0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "_"
          || $0 == "-")
    }
  }
}

extension MetricDeclaration: JSONWritable, Decodable {
  private enum CodingKeys: String, CodingKey { case name, unit, help, tag, gauge, chart }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("name", name)
      $0.field("unit", unit)
      $0.field("help", help)
      $0.field("tag", tag)
      $0.field("gauge", gauge)
      $0.field("chart", line)
    }
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      try fields.decode(String.self, forKey: .name),
      unit: try fields.decodeIfPresent(String.self, forKey: .unit),
      help: PlainText.sanitized(try fields.decode(String.self, forKey: .help)),
      tag: try fields.decodeIfPresent(String.self, forKey: .tag),
      gauge: try fields.decodeIfPresent(String.self, forKey: .gauge),
      line: try fields.decodeIfPresent(MetricLine.self, forKey: .chart))
    if let problem = problem(among: Metrics.ofRecord.map(\.declaration)) {
      throw DecodingError.dataCorruptedError(
        forKey: .name, in: fields, debugDescription: problem)
    }
  }
}
