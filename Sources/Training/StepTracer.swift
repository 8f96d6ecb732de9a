import GradientNorms
import Recording
import Threads
import Vectors

/// Writes what one rank has in hand at each stage of each step (``Recording/StepTrace``); a passive
/// onlooker of the step.
///
/// What enters a ledger is followed entry by entry: each adds its own share to the ledger's linear
/// fingerprint, and that share belongs to a micro-batch or a tile, not to a rank. So rank counts
/// can be compared entry by entry, and a ledger that is not the sum of its entries is seen where it
/// happens.
final class StepTracer: StepObserver {
  private struct Entries {
    var microBatches: [UInt64] = []
    var tiles: [UInt64]
  }

  private let lines: BackgroundWriter<StepTrace>
  private var stages: [StepTrace.Stage] = []
  private var values: (gradients: [UInt64], losses: [UInt64]) = ([], [])
  private var books: [Entries]
  /// The fingerprint of the ledger that is being filled, after its last entry.
  private var followed: UInt64 = 0
  private var firstMicroBatch = 0
  /// The tiles of this rank's slice, and the number of the first.
  private let tiles: [Range<Int>]
  private let firstTile: Int
  private let places: [Int: Int]

  /// Starts the file of a rank with its `shard` and the weights it begins with.
  init(
    path: String, rank: Int, ranks: Int, host: String, shard: OwnedRanges,
    weights: borrowing FlatVector, step: Int
  ) throws {
    let layout = weights.layout
    var tensors = layout.segments.map { TraceHeader.Tensor(name: $0.name, grains: 0) }
    var (mine, before) = ([Range<Int>](), 0)
    for part in layout.tiles(of: 0..<layout.elementCount) {
      let tile = part.range
      tensors[part.tensor].grains += 1
      if shard.contains(tile.lowerBound) {
        mine.append(tile)
      } else if tile.lowerBound < shard.lowerBound {
        before += 1
      }
    }
    tiles = mine
    firstTile = before
    places = Dictionary(uniqueKeysWithValues: mine.enumerated().map { ($1.lowerBound, $0) })
    books = [Entries](
      repeating: Entries(tiles: [UInt64](repeating: 0, count: mine.count)), count: 3)
    let file = try File(path, TraceHeader(rank: rank, ranks: ranks, host: host, tensors: tensors))
    // A step's trace has values for every tile of the model: few are kept waiting.
    lines = BackgroundWriter(limit: 64) { try file.write($0) }
    gathered(weights)
    try stepEnded(step)
  }

  /// The step's ledger holds what the last update entered.
  func stepBegan(firstMicroBatch microBatch: Int) {
    firstMicroBatch = microBatch
    books[LedgerBook.step.rawValue] = books[LedgerBook.next.rawValue]
    clear(.next)
  }

  // MARK: Gradients and weights

  func computed(_ gradient: inout FlatVector, loss: Double, in step: Int) {
    values.gradients.append(gradient.fingerprint())
    values.losses.append(loss.bitPattern)
  }

  func passEnded() {
    stages.append(StepTrace.Stage(.gradient, first: firstMicroBatch, values.gradients))
    stages.append(StepTrace.Stage(.loss, first: firstMicroBatch, values.losses))
    values = ([], [])
  }

  func reduced(_ gradient: borrowing FlatVector) { note(.sum, gradient) }

  func updated(_ weights: borrowing FlatVector) { note(.update, weights) }

  func gathered(_ weights: borrowing FlatVector) {
    stages.append(StepTrace.Stage(.weights, [weights.fingerprint()]))
  }

  func stepping(_ weights: inout FlatVector, after step: Int) { gathered(weights) }

  private func note(_ kind: StepTrace.Kind, _ vector: borrowing FlatVector) {
    var values: [UInt64] = []
    for tile in tiles { values.append(vector.fingerprint(in: tile)) }
    stages.append(StepTrace.Stage(kind, first: firstTile, values))
  }

  // MARK: Ledgers

  /// A tile of another rank's shard adds nothing.
  func entered(_ entry: LedgerEntry, _ ledger: NormLedger) {
    let fingerprint = ledger.additiveFingerprint
    switch entry {
    case .first: break
    case .microBatch:
      books[LedgerBook.step.rawValue].microBatches.append(fingerprint &- followed)
    case .part(let tile, let book):
      guard let place = places[tile.lowerBound] else { return }
      books[book.rawValue].tiles[place] &+= fingerprint &- followed
    }
    followed = fingerprint
  }

  func reducing(_ ledger: NormLedger, _ book: LedgerBook) {
    let entries = books[book.rawValue]
    stages.append(StepTrace.Stage(.microBatchEntries, first: firstMicroBatch, entries.microBatches))
    stages.append(StepTrace.Stage(.grainEntries, first: firstTile, entries.tiles))
    stages.append(StepTrace.Stage(.sent, [ledger.additiveFingerprint]))
    if book == .side { clear(.side) }
  }

  func reduced(_ ledger: NormLedger) {
    stages.append(StepTrace.Stage(.total, [ledger.fingerprint]))
  }

  private func clear(_ book: LedgerBook) {
    books[book.rawValue] = Entries(tiles: [UInt64](repeating: 0, count: tiles.count))
  }

  // MARK: Lines

  /// Writes the step's line.
  func stepEnded(_ step: Int) throws {
    try lines.append(StepTrace(step: step, stages: stages))
    stages = []
  }

  func evaluated(loss: Double) { values.losses.append(loss.bitPattern) }

  func evaluationEnded(after step: Int, firstBlock: Int) throws {
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
