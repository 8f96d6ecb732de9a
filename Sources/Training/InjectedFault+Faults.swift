import Configuration
import GradientNorms
import Optimizers
import Recording
import Reports
import Vectors

extension InjectedFault {
  /// The hooks that put it in, on every rank; what is put into one rank does nothing on the others.
  package func faults(rank: Int) -> Faults {
    var faults = Faults()
    switch place {
    case .inputs, .labels:
      faults.changeSamples = { batch, positions, step in
        guard steps.contains(step) else { return }
        for row in 0..<min(batch.count, max(0, Int(amount) - positions.lowerBound)) {
          spoil(batch, row: row)
        }
      }
      return faults
    case .rate:
      faults.rateFactor = { steps.contains($0) ? amount : 1 }
      return faults
    default: break
    }
    guard rank == self.rank else { return faults }
    // Which element or word is hit is a function of step and rank.
    var random = RandomStream(UInt64(step), UInt64(rank))
    let number = random.next()
    var isDone = false
    // One of a single step is gone when that is computed again.
    func isDue(_ step: Int) -> Bool {
      guard steps.contains(step), !isDone || steps.count > 1 else { return false }
      isDone = true
      return true
    }
    switch place {
    case .gradient:
      faults.changeGradient = { gradient, step in
        if isDue(step) { flip(&gradient, number) }
      }
    case .scale:
      faults.changeGradient = { gradient, step in
        if steps.contains(step) { gradient.scale(by: amount, in: 0..<gradient.count) }
      }
    case .precision:
      faults.changeGradient = { gradient, step in
        if steps.contains(step) { round(&gradient) }
      }
    case .exchange:
      faults.changeSent = { gradient, step in
        if isDue(step) { flip(&gradient, number) }
      }
    case .weights:
      faults.changeWeights = { weights, step in
        if steps.contains(step) { flip(&weights, number) }
      }
    case .moment:
      faults.changeOptimizer = { optimizer, step in
        if steps.contains(step) { flip(&optimizer, number) }
      }
    case .ledger:
      faults.changeLedger = { ledger, step in
        guard steps.contains(step) else { return }
        var record = ledger.record
        // Among the tensors' sums: a wrong number of samples would end the run before anything is
        // compared.
        let first = 1 + ledger.layout.sums.count * ExactSum.wordCount
        record[first + Int(number % UInt64(Int(record[0]) + 1 - first))] ^= 1 << Int64(bit)
        ledger = ledger.with(record: record)
      }
    case .inputs, .labels, .rate: break
    }
    return faults
  }

  /// Makes another sample of one row.
  private func spoil(_ batch: borrowing Batch, row: Int) {
    let shape = batch.shape
    func places(_ count: Int) -> Range<Int> { row * count..<(row + 1) * count }
    if place == .inputs {
      for place in places(shape.inputs) { batch.inputs[place] = batch.inputs[place] * 1e6 + 1e3 }
      for place in places(shape.tokens) { batch.tokens[place] = Int32(place % 2) }
    }
    // A network that sees nothing but directions makes the right thing of large inputs.
    let classes = Int32(max(shape.classes, 1))
    // A label below 0 is left out of the loss.
    for place in places(shape.labels) where batch.labels[place] >= 0 {
      batch.labels[place] = (batch.labels[place] + 1) % classes
    }
    for place in places(shape.targets) { batch.targets[place] = 1 - batch.targets[place] }
  }

  private func flip(_ vector: inout FlatVector, _ number: UInt64) {
    let layout = vector.layout
    var place = Int(number % UInt64(layout.parameterCount))
    for segment in layout.segments {
      if place < segment.count {
        let element = vector.base + segment.range.lowerBound + place
        element.pointee = flipped(element.pointee)
        return
      }
      place -= segment.count
    }
  }

  private func flip(_ optimizer: inout Optimizer, _ number: UInt64) {
    let names = optimizer.rule.momentNames
    guard !names.isEmpty, !optimizer.owned.isEmpty else { return }
    var moment = optimizer.mutableMoment(Int(number % UInt64(names.count)))
    let place = Int(number / UInt64(names.count) % UInt64(moment.count))
    moment[place] = flipped(moment[place])
  }

  private func flipped(_ value: Float) -> Float {
    Float(bitPattern: value.bitPattern ^ 1 << UInt32(bit))
  }

  /// Leaves so many bits of each element's fraction, the others 0.
  private func round(_ vector: inout FlatVector) {
    let mask = ~UInt32(0) << UInt32(23 - bit)
    for element in vector.base..<vector.base + vector.count {
      element.pointee = Float(bitPattern: element.pointee.bitPattern & mask)
    }
  }
}
