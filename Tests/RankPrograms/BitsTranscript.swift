import GradientReduction
import GradientNorms
import MPI
import Models
import Optimizers
import Recording
import Reports
import TensorFiles
import Training
import Vectors

/// Everything of a run that must have the same bits at any number of ranks, in order, each with its
/// name.
struct Transcript: Equatable {
  private(set) var entries: [(name: String, bits: UInt64)] = []

  mutating func add(_ name: String, _ value: Double?) {
    entries.append((name, value?.bitPattern ?? 0xDEAD))
  }

  static func == (a: Transcript, b: Transcript) -> Bool { a.difference(from: b) == nil }

  /// The first entry in which two transcripts differ, in words.
  func difference(from other: Transcript) -> String? {
    for (mine, theirs) in zip(entries, other.entries) where mine != theirs {
      return
        "\(mine.name) is \(Double(bitPattern: mine.bits)) (0x\(String(mine.bits, radix: 16))), not "
        + "\(theirs.name == mine.name ? "" : theirs.name + " ")\(Double(bitPattern: theirs.bits)) (0x\(String(theirs.bits, radix: 16)))"
    }
    return entries.count == other.entries.count
      ? nil : "\(entries.count) entries, not \(other.entries.count)"
  }

  /// Checks at rank 0, which alone has both, that two transcripts are equal.
  func expectEqual(
    to other: Transcript, _ what: @autoclosure () -> String, on world: borrowing Communicator,
    line: Int = #line, file: String = #fileID
  ) throws {
    guard world.rank == 0, let difference = difference(from: other) else { return }
    try expect(false, "\(what()): \(difference)", line: line, file: file)
  }

  /// One number for all of it.
  var digest: UInt64 {
    entries.reduce(14_695_981_039_346_656_037) { ($0 ^ $1.bits) &* 1_099_511_628_211 }
  }
}

extension Transcript {
  /// Trains to the end and notes what every rank must agree on; ends with weights, optimiser state
  /// and scores. Collective.
  init(of trainer: Trainer, on world: borrowing Communicator) throws {
    while !trainer.isDone { note(try trainer.step(on: world), trainer) }
    try world.expectEqual(trainer.weights.digest(), "the weights on \(world.size) ranks")
    add("weights", Double(bitPattern: trainer.weights.fingerprint()))
    for index in trainer.optimizer.rule.momentNames.indices {
      let mine = trainer.moment(index)
      let borders = trainer.optimizer.owned.ranges.flatMap {
        [Int64($0.lowerBound), Int64($0.upperBound)]
      }
      let ranges = try world.gather(borders.span)
      let gathered = try world.gather(mine.span)
      // Sharded, a rank has its part; replicated, the whole.
      let isWhole = trainer.optimizer.owned.count == trainer.weights.count
      if isWhole {
        try expect(Set(gathered ?? []).count <= 1, "the moments differ between the ranks")
      }
      var whole = [Float](repeating: 0, count: trainer.weights.count)
      for (borders, values) in zip(ranges ?? [], gathered ?? []) {
        var place = 0
        for index in stride(from: 0, to: borders.count, by: 2) {
          let range = Int(borders[index])..<Int(borders[index + 1])
          whole.replaceSubrange(range, with: values[place..<place + range.count])
          place += range.count
        }
      }
      add(trainer.optimizer.rule.momentNames[index], Double(bitPattern: Self.digest(whole)))
    }
    if let running = trainer.model.runningStatistics {
      try world.expectEqual(running.values.digest(), "the running statistics")
      add("running statistics", Double(bitPattern: running.values.fingerprint()))
    }
    if let average = try trainer.evaluateAverage(on: world) { add("average", average.loss) }
    let scores = try trainer.evaluate(on: world)
    add("test loss", scores.loss)
    add("score", scores.score?.value)
  }

  private mutating func note(_ outcome: StepOutcome, _ trainer: Trainer) {
    let (ledger, decision, step) = (outcome.ledger, outcome.decision, "step \(outcome.step): ")
    add(step + "samples", Double(outcome.samples))
    for sum in ledger.layout.sums
    where ![.nonFinite, .stopRequests, .checkpointRequests].contains(sum) {
      add(step + "\(sum)", ledger[sum])
    }
    for peak in [NormLedger.Peak.localNorm, .outlier, .nonFiniteTensor] {
      add(step + "\(peak)", ledger[peak].value)
    }
    for tensor in 0..<ledger.tensorCount {
      add(step + "T\(tensor)", ledger[.squares, tensor])
      add(step + "L\(tensor)", ledger[.weightedLocalSquares, tensor])
      for order in ledger.layout.orders {
        add(step + "norm \(order.name) of \(tensor)", ledger.norm(order, of: [tensor]))
      }
      if ledger.layout.countsApplied {
        add(step + "applied \(tensor)", ledger[.appliedSquares, tensor])
      }
      if ledger.layout.countsWeights {
        add(step + "weights \(tensor)", ledger[.weightSquares, tensor])
      }
      add(step + "factor \(tensor)", decision.factor(ofTensor: tensor))
    }
    let actions: Double =
      switch decision.action {
      case .step: 0
      case .clip: 1
      case .skip: 2
      }
    add(step + "action", actions)
    add(step + "norm", decision.norm)
    add(step + "applied", decision.applied)
    add(step + "threshold", decision.threshold)
    add(step + "certified", decision.isCertified ? 1 : 0)
    add(step + "rate", outcome.learningRate)
    add(step + "signal", outcome.noise.signal)
    add(step + "variance", outcome.noise.variance)
    add(step + "bias", outcome.bias?.relative)
  }

  private static func digest(_ values: [Float]) -> UInt64 {
    values.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1.bitPattern)) &* 1_099_511_628_211 }
  }
}
