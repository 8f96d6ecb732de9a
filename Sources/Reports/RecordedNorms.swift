import GradientNorms
import Recording

/// The norms that a run's `metrics.jsonl` holds, for asking what other clip rules would have made
/// of them.
public struct RecordedNorms: Sendable {
  /// The steps that were taken and whose norm is known, in order.
  public private(set) var norms: [ClipReplay.Norms] = []
  /// Steps recorded, and of those the skipped ones.
  public private(set) var steps = 0
  public private(set) var skipped = 0
  /// What the run itself did in the steps of `norms`.
  public private(set) var clipped = 0
  /// Σ applied/global of those steps, and the smallest.
  private var coefficients = (sum: 0.0, smallest: Double.infinity)
  /// The limit of the run's own rule; nil where it had none or it moved.
  public private(set) var threshold: Double?
  private var thresholds = 0

  public var clippedFraction: Double? {
    norms.isEmpty ? nil : Double(clipped) / Double(norms.count)
  }
  public var meanCoefficient: Double? {
    norms.isEmpty ? nil : coefficients.sum / Double(norms.count)
  }
  public var smallestCoefficient: Double? { norms.isEmpty ? nil : coefficients.smallest }
  /// Whether every step has the norms of the same tensors.
  public var hasTensors: Bool {
    guard let count = norms.first?.tensors.count, count > 0 else { return false }
    return norms.allSatisfy { $0.tensors.count == count }
  }

  /// Reads the file in pieces.
  public init(path: String) throws(RunFileError) {
    try StepRecord.read(path: path) { add($0) }
  }

  public init(_ records: some Sequence<StepRecord>) {
    for record in records { add(record) }
  }

  private mutating func add(_ record: StepRecord) {
    steps += 1
    if record.action == .skip { skipped += 1 }
    guard record.action != .skip, let whole = Self.length(record.norm) else { return }
    norms.append(ClipReplay.Norms(whole: whole, tensors: record.norm.layers.compactMap(\.value)))
    if record.action == .clip { clipped += 1 }
    let coefficient = record.norm.applied.map { whole > 0 ? $0 / whole : 1 } ?? 1
    coefficients = (coefficients.sum + coefficient, min(coefficients.smallest, coefficient))
    if thresholds == 0 {
      threshold = record.norm.threshold
    } else if threshold != record.norm.threshold {
      threshold = nil
    }
    thresholds += 1
  }

  /// ‖g‖ in L2: `global`, unless the run's clip measures another norm, which the tensors' norms
  /// show.
  private static func length(_ norm: StepRecord.Norm) -> Double? {
    guard let global = norm.global else { return nil }
    let tensors = norm.layers.compactMap(\.value)
    guard !tensors.isEmpty, tensors.count == norm.layers.count else { return global }
    let length = tensors.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return abs(length - global) <= 1e-9 * global ? global : length
  }
}
