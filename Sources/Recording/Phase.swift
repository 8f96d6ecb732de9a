/// What a part of a training step is spent on.
///
/// A phase is one case: records, TensorBoard, pages, tables, profiles and traces follow from it. A
/// new case comes last, since checkpoints hold the seconds in this order.
public enum Phase: Int, Sendable, CaseIterable, CodingKey {
  /// Reading the batch.
  case data
  /// Forward and backward passes.
  case compute
  /// Exchanging gradients and parameters.
  case reduce
  /// Measuring norms, reducing the ledger, deciding.
  case norm
  /// Updating the parameters.
  case optimizer

  /// As records and people call it.
  public var name: String { stringValue }

  /// Whether a rank waits in it for others.
  public var waitsForOthers: Bool { self == .reduce || self == .norm }
}
