import GradientNorms
import Reports
import Threads
import Vectors

/// Writes what one rank has in hand at each stage of each step (``Reports/StepTrace``); a passive
/// onlooker of the step.
///
/// What enters a ledger is followed entry by entry: each adds its own share to the ledger's linear
/// fingerprint, and that share belongs to a micro-batch or a grain, not to a rank. So rank counts
/// can be compared entry by entry, and a ledger that is not the sum of its entries is seen where it
/// happens.
final class StepTracer {
  /// The ledgers that are filled in a step: its own, the next step's, and those of further
  /// reductions within it.
  enum Book: Int { case step, next, side }

  private struct Entries {
    var microBatches: [UInt64] = []
    var grains: [UInt64]
  }

  private let lines: BackgroundWriter<StepTrace>
  private var stages: [StepTrace.Stage] = []
  private var values: (gradients: [UInt64], losses: [UInt64]) = ([], [])
  private var books: [Entries]
  /// The fingerprint of the ledger that is being filled, after its last entry.
  private var followed: UInt64 = 0
  private var firstMicroBatch = 0
  /// The grains of this rank's slice, and the number of the first.
  private let grains: [Range<Int>]
  private let firstGrain: Int
  private let places: [Int: Int]

  /// Starts the file of a rank that owns `owned` with the weights it begins with.
  init(
    path: String, rank: Int, ranks: Int, host: String, owned: Range<Int>,
    weights: borrowing FlatVector, step: Int
  ) throws {
    let layout = weights.layout
    var tensors = layout.segments.map { TraceHeader.Tensor(name: $0.name, grains: 0) }
    var (mine, before) = ([Range<Int>](), 0)
    for part in layout.tiles(of: 0..<layout.elementCount) {
      let grain = part.range
      tensors[part.tensor].grains += 1
      if owned.contains(grain.lowerBound) {
        mine.append(grain)
      } else if grain.lowerBound < owned.lowerBound {
        before += 1
      }
    }
    grains = mine
    firstGrain = before
    places = Dictionary(uniqueKeysWithValues: mine.enumerated().map { ($1.lowerBound, $0) })
    books = [Entries](
      repeating: Entries(grains: [UInt64](repeating: 0, count: mine.count)), count: 3)
    let file = try File(path, TraceHeader(rank: rank, ranks: ranks, host: host, tensors: tensors))
    // A step's trace has values for every grain of the model: few are kept waiting.
    lines = BackgroundWriter(limit: 64) { try file.write($0) }
    weightsPublished(weights)
    try end(step: step)
  }

  /// A step begins; its ledger holds what the last update entered.
  func begin(firstMicroBatch: Int) {
    self.firstMicroBatch = firstMicroBatch
    books[Book.step.rawValue] = books[Book.next.rawValue]
    clear(.next)
  }

  // MARK: Gradients and weights

  func microBatch(_ gradient: borrowing FlatVector, loss: Double) {
    values.gradients.append(gradient.fingerprint())
    values.losses.append(loss.bitPattern)
  }

  /// All micro-batches are differentiated.
  func endPass() {
    stages.append(StepTrace.Stage(.gradient, first: firstMicroBatch, values.gradients))
    stages.append(StepTrace.Stage(.loss, first: firstMicroBatch, values.losses))
    values = ([], [])
  }

  func summed(_ gradient: borrowing FlatVector) { note(.sum, gradient) }

  func updated(_ weights: borrowing FlatVector) { note(.update, weights) }

  func weightsPublished(_ weights: borrowing FlatVector) {
    stages.append(StepTrace.Stage(.weights, [weights.fingerprint()]))
  }

  private func note(_ kind: StepTrace.Kind, _ vector: borrowing FlatVector) {
    var values: [UInt64] = []
    for grain in grains { values.append(vector.fingerprint(in: grain)) }
    stages.append(StepTrace.Stage(kind, first: firstGrain, values))
  }

  // MARK: Ledgers

  /// Entries to this ledger follow.
  func follow(_ ledger: NormLedger) { followed = ledger.additiveFingerprint }

  /// The next micro-batch was entered.
  func enteredMicroBatch(_ ledger: NormLedger) {
    books[Book.step.rawValue].microBatches.append(ledger.additiveFingerprint &- followed)
    follow(ledger)
  }

  /// Something of a grain was entered; a grain of another rank's slice adds nothing.
  func entered(_ grain: Range<Int>, _ ledger: NormLedger, in book: Book = .step) {
    guard let place = places[grain.lowerBound] else { return }
    books[book.rawValue].grains[place] &+= ledger.additiveFingerprint &- followed
    follow(ledger)
  }

  func sending(_ ledger: NormLedger, _ book: Book) {
    let entries = books[book.rawValue]
    stages.append(StepTrace.Stage(.microBatchEntries, first: firstMicroBatch, entries.microBatches))
    stages.append(StepTrace.Stage(.grainEntries, first: firstGrain, entries.grains))
    stages.append(StepTrace.Stage(.sent, [ledger.additiveFingerprint]))
    if book == .side { clear(.side) }
  }

  func received(_ ledger: NormLedger) {
    stages.append(StepTrace.Stage(.total, [ledger.fingerprint]))
  }

  private func clear(_ book: Book) {
    books[book.rawValue] = Entries(grains: [UInt64](repeating: 0, count: grains.count))
  }

  // MARK: Lines

  /// Writes the step's line.
  func end(step: Int) throws {
    try lines.append(StepTrace(step: step, stages: stages))
    stages = []
  }

  func evaluated(loss: Double) { values.losses.append(loss.bitPattern) }

  func endEvaluation(after step: Int, firstBlock: Int) throws {
    try lines.append(
      StepTrace(
        step: step, stages: [StepTrace.Stage(.evaluation, first: firstBlock, values.losses)]))
    values.losses = []
  }

  /// Waits until all is in the file.
  func drain() throws { try lines.drain() }

  /// Used by the queue's thread alone.
  private final class File: @unchecked Sendable {
    private var lines: JSONLinesFile

    init(_ path: String, _ header: TraceHeader) throws {
      lines = try JSONLinesFile(creating: path)
      try lines.append(header)
    }

    func write(_ traces: [StepTrace]) throws { try lines.append(contentsOf: traces) }
  }
}
