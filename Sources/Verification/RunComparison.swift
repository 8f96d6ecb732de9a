import Recording

/// Which of several recorded runs agree to the bit, and where the others differ first.
public struct RunComparison: Sendable {
  public struct Difference: Sendable, Equatable {
    public var step: Int?
    public var name: String
    /// The quantity in the reference run and in this one; nil where there is none.
    public var reference: String?
    public var found: String?

    public init(step: Int?, name: String, reference: String?, found: String?) {
      self.step = step
      self.name = name
      self.reference = reference
      self.found = found
    }
  }

  /// The run that the others are held against: of the largest group of equal runs, among equally
  /// large ones the one with the fewest ranks, the run with the fewest ranks.
  public let reference: Int
  /// Where each run differs first from the reference; nil where it does not.
  public let differences: [Difference?]

  /// `runs` stand in the order of their rank counts.
  public init(_ runs: [RecordedRun]) {
    let sizes = runs.map { run in runs.count { $0.quantities == run.quantities } }
    let reference = sizes.indices.first { sizes[$0] == sizes.max() } ?? 0
    self.reference = reference
    differences = runs.map { Self.firstDifference($0.quantities, from: runs[reference].quantities) }
  }

  public var areIdentical: Bool { differences.allSatisfy { $0 == nil } }

  static func firstDifference(
    _ found: [RecordedRun.Quantity], from reference: [RecordedRun.Quantity]
  ) -> Difference? {
    for (a, b) in zip(reference, found) where a != b {
      if (a.step, a.name) == (b.step, b.name) {
        return Difference(step: a.step, name: a.name, reference: a.text, found: b.text)
      }
      return Difference(step: a.step, name: a.name, reference: a.text, found: nil)
    }
    if reference.count > found.count {
      let missing = reference[found.count]
      return Difference(step: missing.step, name: missing.name, reference: missing.text, found: nil)
    }
    if found.count > reference.count {
      let extra = found[reference.count]
      return Difference(step: extra.step, name: extra.name, reference: nil, found: extra.text)
    }
    return nil
  }

  /// A value as a person compares it: a number with the bits of its Double.
  public static func shown(_ text: String?) -> String {
    guard let text else { return "none" }
    // A whole number stands for itself.
    guard Int(text) == nil, let number = Double(text) else { return text }
    return "\(text)  (bits 0x\(StepTrace.hexadecimal(number.bitPattern)))"
  }
}

extension RunComparison.Difference {
  /// `step 7, norm.global`, or what of the end.
  public var place: String { step.map { "step \($0), \(name)" } ?? name }
}
