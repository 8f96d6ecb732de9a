import GradientNorms
import GradientReduction
import MPI
import Vectors

// Whether the reduced gradient is the sum of the ranks'.
extension Autopsy {
  /// Where the reduced gradient is not the sum of the ranks'.
  struct SumFault {
    var tensor: Int?
    var repeats: Bool
    var text: String
  }

  /// Whether the reduced gradient should be the plain sum of the ranks'.
  func checksSums(_ ranks: Int) -> Bool {
    ranks > 1 && !isScopeWorker && !(pass.reducer is any StatefulReducer)
  }

  func faultOfSum(
    _ step: StepInProgress, _ mine: borrowing FlatVector, on world: borrowing Communicator
  ) throws -> SumFault? {
    guard checksSums(world.size) else { return nil }
    let exact = try squaresOfSum(mine, on: world)
    let slack = 1e-4 * step.ledger.meanLocalNorm
    func isOff(_ squares: Double, _ exact: Double) -> Bool {
      // A sum beyond Float32 is no fault of the reduction.
      exact < 1e76 && !(abs(squares.squareRoot() - exact.squareRoot()) <= slack)
    }
    let wholeExact = exact.reduce(0, +)
    var wrong: (tensor: Int?, value: Double, exact: Double)?
    if step.ledger.layout.parts == .ofMean {
      for tensor in exact.indices where wrong == nil {
        let squares = step.ledger[.squares, tensor]
        if isOff(squares, exact[tensor]) { wrong = (tensor, squares, exact[tensor]) }
      }
    } else if isOff(step.ledger.squaredPartsNorm, wholeExact) {
      wrong = (nil, step.ledger.squaredPartsNorm, wholeExact)
    }
    let isWrong = try world.allReduce(wrong == nil ? 0 : 1, .maximum) > 0
    guard isWrong else { return nil }
    var total = try pass.reduceAgain(step.batches, step: step.number, on: world).reduce(0, +)
    total = try world.allReduce(total, .sum)
    let repeats = isOff(total, wholeExact)
    let place = wrong.flatMap { name($0.tensor) }.map { " of \($0)" } ?? ""
    return SumFault(
      tensor: wrong?.tensor, repeats: repeats,
      text:
        "the sum\(place) has the norm \(formatted((wrong?.value ?? .nan).squareRoot())); the shares, summed again in Float64, \(formatted((wrong?.exact ?? .nan).squareRoot())); by the same way again, the whole is \(formatted(total.squareRoot())) of \(formatted(wholeExact.squareRoot()))"
    )
  }

  /// The squares by tensor of the sum of all ranks' vectors, made in Float64 by plain messages, so
  /// many elements at a time.
  func squaresOfSum(_ mine: borrowing FlatVector, on world: borrowing Communicator) throws
    -> [Double]
  {
    try mine.layout.segments.map { segment in
      var sum = 0.0
      var start = segment.range.lowerBound
      while start < segment.range.upperBound {
        let end = min(start + 1 << 16, segment.range.upperBound)
        var piece = (start..<end).map { Double(mine.base[$0]) }
        var span = piece.mutableSpan
        try world.allReduce(&span, .sum)
        for value in piece { sum += value * value }
        start = end
      }
      return sum
    }
  }
}
