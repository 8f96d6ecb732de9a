import Recording
import Reports

/// A claim and its finding as people read them.
public struct GalleryText {
  private let claim: Claim
  private let finding: Finding

  public init(_ claim: Claim, _ finding: Finding) {
    self.claim = claim
    self.finding = finding
  }

  /// `holds` or `does not hold`.
  public static func verdict(_ finding: Finding) -> String {
    finding.holds ? "holds" : "does not hold"
  }

  public var text: String {
    let columns = finding.table[0].count
    let rows = TextColumns.lines(finding.table) { $0 == 0 || $0 >= columns - 2 }.map { "    " + $0 }
    return """
      \(claim.name): \(claim.statement)
        source    \(claim.source)
        expected  \(claim.expected)
        measured  \(finding.measured)
        verdict   \(Self.verdict(finding))
      \(rows.joined(separator: "\n"))

      """
  }
}

extension GalleryText: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("claim", claim.name)
      $0.field("statement", claim.statement)
      $0.field("source", claim.source)
      $0.field("expected", claim.expected)
      $0.field("measured", finding.measured)
      $0.field("holds", finding.holds)
      $0.key("table")
      $0.array(finding.table) { json, row in json.array(row) { $0.value($1) } }
    }
  }
}
