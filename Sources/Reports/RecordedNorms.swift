import GradientNorms
import Recording

/// The norms that a run's `metrics.jsonl` holds, for asking what other clip rules would have made
/// of them.
public struct RecordedNorms: Sendable {
  /// The gradients of the steps that were taken and whose norm is known, in order.
  public private(set) var norms: [ClipReplay.Norms] = []
  /// The updates of such steps, in units of the learning rate: `norm.update`, which has each
  /// tensor's too; where the run did not limit the update, `update_norm` over `learning_rate`. That
  /// also has decay outside the optimiser's step in it, and counts all tensors at one rate.
  public private(set) var updates: [ClipReplay.Norms] = []
  /// Which vector the run's own rule limited.
  public private(set) var target = ClipTarget.gradient
  /// Steps recorded, and of those the skipped ones.
  public private(set) var steps = 0
  public private(set) var skipped = 0
  /// What the run itself did in the steps of `norms`.
  public private(set) var clipped = 0
  /// Σ applied/norm of those steps, and the smallest.
  private var coefficients = (sum: 0.0, smallest: Double.infinity)
  /// The limit of the run's own rule; nil where it had none or it moved.
  public private(set) var threshold: Double?
  private var thresholds = 0
  private let elements: [String: Int]
  private var tensors: [String]?

  public var clippedFraction: Double? {
    norms.isEmpty ? nil : Double(clipped) / Double(norms.count)
  }
  public var meanCoefficient: Double? {
    norms.isEmpty ? nil : coefficients.sum / Double(norms.count)
  }
  public var smallestCoefficient: Double? { norms.isEmpty ? nil : coefficients.smallest }
  /// The numbers of elements of the tensors that the records name; nil where one is not known.
  public var sizes: [Int]? {
    guard let tensors else { return nil }
    let sizes = tensors.compactMap { elements[$0] }
    return sizes.count == tensors.count ? sizes : nil
  }

  /// The norms of the vector that a rule limits.
  public func series(of target: ClipTarget) -> [ClipReplay.Norms] {
    target == .gradient ? norms : updates
  }

  /// Reads the file in pieces. `elements` are the tensors' numbers of elements, by name.
  public init(path: String, elements: [String: Int] = [:]) throws(RunFileError) {
    self.elements = elements
    try StepRecord.read(path: path) { add($0) }
  }

  public init(_ records: some Sequence<StepRecord>, elements: [String: Int] = [:]) {
    self.elements = elements
    for record in records { add(record) }
  }

  private mutating func add(_ record: StepRecord) {
    steps += 1
    if record.action == .skip { skipped += 1 }
    guard record.action != .skip else { return }
    addUpdate(record)
    guard let whole = Self.length(record.norm) else { return }
    if tensors == nil { tensors = record.norm.layers.map(\.name) }
    norms.append(ClipReplay.Norms(whole: whole, tensors: record.norm.layers.compactMap(\.value)))
    if record.action == .clip { clipped += 1 }
    let (before, applied) =
      record.norm.update.map { ($0.norm ?? 0, $0.applied) } ?? (whole, record.norm.applied)
    let coefficient = applied.map { before > 0 ? $0 / before : 1 } ?? 1
    coefficients = (coefficients.sum + coefficient, min(coefficients.smallest, coefficient))
    let limit = (record.norm.update.map(\.threshold) ?? record.norm.threshold)
    if thresholds == 0 {
      threshold = limit
    } else if threshold != limit {
      threshold = nil
    }
    thresholds += 1
  }

  private mutating func addUpdate(_ record: StepRecord) {
    if let update = record.norm.update {
      target = .update
      guard let norm = update.norm else { return }
      updates.append(ClipReplay.Norms(whole: norm, tensors: update.layers.compactMap(\.value)))
    } else if let norm = record.updateNorm, record.learningRate > 0 {
      updates.append(ClipReplay.Norms(whole: norm / record.learningRate))
    }
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
