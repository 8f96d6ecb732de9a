import Configuration
import GradientNorms
import Recording
import Reports
import Vectors

extension InjectedFault {
  /// The hooks that put it in, on every rank; they do nothing on the others.
  func faults(rank: Int) -> Faults {
    var faults = Faults()
    guard rank == self.rank else { return faults }
    // Which element or word is hit is a function of step and rank.
    var random = RandomStream(UInt64(step), UInt64(rank))
    switch place {
    case .gradient:
      var isDone = false
      faults.changeGradient = { gradient, step in
        guard step == self.step, !isDone else { return }
        isDone = true
        flip(&gradient, random.next())
      }
    case .weights:
      faults.changeWeights = { weights, step in
        if step == self.step { flip(&weights, random.next()) }
      }
    case .ledger:
      faults.changeLedger = { ledger, step in
        guard step == self.step else { return }
        var record = ledger.record
        // Among the tensors' sums: a wrong number of samples would end the run before anything is
        // compared.
        let first = 1 + ledger.layout.sums.count * ExactSum.wordCount
        record[first + Int(random.integer(below: UInt64(Int(record[0]) + 1 - first)))] ^=
          1 << Int64(bit)
        ledger = ledger.with(record: record)
      }
    }
    return faults
  }

  private func flip(_ vector: inout FlatVector, _ number: UInt64) {
    let layout = vector.layout
    var place = Int(number % UInt64(layout.parameterCount))
    for segment in layout.segments {
      if place < segment.count {
        let element = vector.base + segment.range.lowerBound + place
        element.pointee = Float(bitPattern: element.pointee.bitPattern ^ 1 << UInt32(bit))
        return
      }
      place -= segment.count
    }
  }
}
