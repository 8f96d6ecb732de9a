import GradientNorms
import Optimizers
import Vectors

/// What looks on at a step, or puts a fault or a delay into it: its points, in the order of a step.
/// Every point has a default that does nothing, and in a normal run there is no observer at all.
package protocol StepObserver: AnyObject {
  /// Whether ``computed(_:loss:in:)`` may change a gradient: then it is measured after that, and
  /// leaves for other ranks no earlier.
  var changesGradients: Bool { get }

  /// A step begins; `microBatch` is the number of this rank's first within the global batch.
  func stepBegan(firstMicroBatch microBatch: Int)
  /// A span of time, by `monotonicNanoseconds()`, is over.
  func spent(on activity: StepProfile.Activity, from start: UInt64, to end: UInt64)
  /// A micro-batch is read; `positions` are its samples' in the global batch.
  func read(_ batch: borrowing Batch, positions: Range<Int>, in step: Int)
  /// A micro-batch's gradient is computed from now on.
  func microBatchBegan()
  /// A tensor's gradient is complete for this micro-batch.
  func finished(tensor: Int)
  /// The micro-batch's gradient is computed.
  func microBatchEnded()
  /// A gradient is complete on this rank: a micro-batch's, where those are measured apart, else
  /// that of all of its samples.
  func computed(_ gradient: inout FlatVector, loss: Double, in step: Int)
  /// A gradient as ``computed(_:loss:in:)`` left it has been measured, and is given to the sum of all
  /// ranks' gradients.
  func leaving(_ gradient: inout FlatVector, in step: Int)
  /// All of this rank's micro-batches are computed.
  func passEnded()
  /// The ranks' gradients are summed.
  func reduced(_ gradient: borrowing FlatVector)
  /// Something was entered in a ledger.
  func entered(_ entry: LedgerEntry, _ ledger: NormLedger)
  /// This rank's part of the step's ledger is complete.
  func closing(_ ledger: inout NormLedger, in step: Int)
  /// A ledger is about to be reduced, and then is.
  func reducing(_ ledger: NormLedger, _ book: LedgerBook)
  func reduced(_ ledger: NormLedger)
  /// What the step's learning rate is multiplied by.
  func rateFactor(in step: Int) -> Double
  /// This rank's part of the optimiser's state and of the weights is updated.
  func updated(_ optimizer: inout Optimizer, in step: Int)
  func updated(_ weights: borrowing FlatVector)
  /// Every rank has all weights, within the step.
  func gathered(_ weights: borrowing FlatVector)
  /// The step's weights are there; `step` steps are done.
  func stepping(_ weights: inout FlatVector, after step: Int)
  /// The step is over.
  func stepEnded(_ step: Int) throws

  /// A block of rows is evaluated, and then all of this rank's.
  func evaluated(loss: Double)
  func evaluationEnded(after step: Int, firstBlock: Int) throws

  /// The run is over: what is written in the background is to be in its file.
  func drain() throws
}

/// The ledgers that are filled in a step: its own, the next step's, and those of further reductions
/// within it.
package enum LedgerBook: Int { case step, next, side }

/// What was entered in a ledger.
package enum LedgerEntry {
  /// Nothing: entries follow, to be compared with the ledger as it is now.
  case first
  /// A micro-batch's norms.
  case microBatch
  /// Something of a part of the flat vector.
  case part(Range<Int>, LedgerBook)
}

extension StepObserver {
  package var changesGradients: Bool { false }
  package func stepBegan(firstMicroBatch microBatch: Int) {}
  package func spent(on activity: StepProfile.Activity, from start: UInt64, to end: UInt64) {}
  package func read(_ batch: borrowing Batch, positions: Range<Int>, in step: Int) {}
  package func microBatchBegan() {}
  package func finished(tensor: Int) {}
  package func microBatchEnded() {}
  package func computed(_ gradient: inout FlatVector, loss: Double, in step: Int) {}
  package func leaving(_ gradient: inout FlatVector, in step: Int) {}
  package func passEnded() {}
  package func reduced(_ gradient: borrowing FlatVector) {}
  package func entered(_ entry: LedgerEntry, _ ledger: NormLedger) {}
  package func closing(_ ledger: inout NormLedger, in step: Int) {}
  package func reducing(_ ledger: NormLedger, _ book: LedgerBook) {}
  package func reduced(_ ledger: NormLedger) {}
  package func rateFactor(in step: Int) -> Double { 1 }
  package func updated(_ optimizer: inout Optimizer, in step: Int) {}
  package func updated(_ weights: borrowing FlatVector) {}
  package func gathered(_ weights: borrowing FlatVector) {}
  package func stepping(_ weights: inout FlatVector, after step: Int) {}
  package func stepEnded(_ step: Int) throws {}
  package func evaluated(loss: Double) {}
  package func evaluationEnded(after step: Int, firstBlock: Int) throws {}
  package func drain() throws {}
}

/// The observers of one trainer's steps, which its parts call.
package final class StepObservers {
  package private(set) var all: [any StepObserver] = []

  package var isEmpty: Bool { all.isEmpty }
  var changesGradients: Bool { all.contains { $0.changesGradients } }

  /// Those that change something come first: the others see what they did.
  package func add(_ observer: any StepObserver, first: Bool = false) {
    all.insert(observer, at: first ? 0 : all.count)
  }

  package func remove(_ observer: any StepObserver) { all.removeAll { $0 === observer } }

  func entered(_ entry: LedgerEntry, _ ledger: NormLedger) {
    for observer in all { observer.entered(entry, ledger) }
  }

  func rateFactor(in step: Int) -> Double {
    all.reduce(1) { $0 * $1.rateFactor(in: step) }
  }

  func entered(_ part: Range<Int>, _ ledger: NormLedger, in book: LedgerBook = .step) {
    if !all.isEmpty { entered(.part(part, book), ledger) }
  }
}
