import Recording

/// What `lockstep samples` found: one line of JSON.
public struct SamplesResult: Sendable, Equatable, Decodable {
  /// A training sample, by its index, with the norm of the gradient of its loss, that loss, and what
  /// it is: the name of its class, or the beginning of its text.
  public struct Sample: Sendable, Equatable, Decodable {
    public var sample: Int
    public var norm: Double?
    public var loss: Double?
    public var label: String?

    public init(sample: Int, norm: Double?, loss: Double?, label: String?) {
      (self.sample, self.norm, self.loss, self.label) = (sample, norm, loss, label)
    }
  }

  /// The file of the weights.
  public var weights: String
  public var samples: Int
  public var ranks: Int
  /// Median and root mean square of the norms that are finite.
  public var median: Double?
  public var rms: Double?
  /// The table of all samples, and the picture of the largest where they are images.
  public var table: String
  public var picture: String?
  /// From the largest norm on.
  public var largest: [Sample]

  public init(
    weights: String, samples: Int, ranks: Int, median: Double?, rms: Double?, table: String,
    picture: String?, largest: [Sample]
  ) {
    (self.weights, self.samples, self.ranks) = (weights, samples, ranks)
    (self.median, self.rms, self.table, self.picture) = (median, rms, table, picture)
    self.largest = largest
  }

  /// Lines for people.
  public var text: String {
    func cell(_ value: Double?) -> String {
      value.map { NumberFormat.formatted($0) } ?? "not finite"
    }
    var rows = [["sample", "norm", "loss"] + (hasLabels ? ["label"] : [])]
    for sample in largest {
      rows.append(
        ["\(sample.sample)", cell(sample.norm), cell(sample.loss)]
          + (hasLabels ? [PlainText.sanitized(sample.label ?? "")] : []))
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max()! }
    var text =
      "\(weights): gradient norms of \(NumberFormat.counted(samples, "training sample")), median \(cell(median)), root mean square \(cell(rms))\n"
    for row in rows {
      // Numbers to the right, the label to the left.
      let cells = row.enumerated().map { column, cell in
        column < 3 ? String(repeating: " ", count: widths[column] - cell.count) + cell : cell
      }
      text += "  " + cells.joined(separator: "  ") + "\n"
    }
    text += "all of them: \(table)\n"
    if let picture { text += "the largest as pictures: \(picture)\n" }
    return text
  }

  private var hasLabels: Bool { largest.contains { $0.label != nil } }
}

extension SamplesResult: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("weights", weights)
      $0.field("samples", samples)
      $0.field("ranks", ranks)
      $0.field("median", median)
      $0.field("rms", rms)
      $0.field("table", table)
      $0.field("picture", picture)
      $0.field("largest", largest)
    }
  }
}

extension SamplesResult.Sample: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("sample", sample)
      $0.field("norm", norm)
      $0.field("loss", loss)
      $0.field("label", label)
    }
  }
}
