/// What to do about the stalls that are found, look by look: a pure function of them and of the
/// limits.
package struct StallEpisode {
  /// Seconds; 0 for never.
  package let warn: Double
  package let abort: Double
  private var current: Stall?
  private var hasWarned = false

  package init(warn: Double, abort: Double) { (self.warn, self.abort) = (warn, abort) }

  package enum Action: Equatable {
    case warn(Stall)
    case ended(Stall, seconds: Double)
    case abort(Stall, hadWarned: Bool)
  }

  /// The seconds from which on a stall matters at all; nil where nothing is asked for.
  package var least: Double? { [warn, abort].filter { $0 > 0 }.min() }

  /// Takes the stall that is there now, or nil.
  package mutating func observe(_ stall: Stall?) -> [Action] {
    var actions: [Action] = []
    if let last = current, hasWarned, stall.map({ !$0.continues(last) }) ?? true {
      actions.append(.ended(last, seconds: last.seconds))
      hasWarned = false
    }
    current = stall
    guard let stall else { return actions }
    let patience = stall.isInputOrOutput ? 3.0 : 1
    if abort > 0, stall.seconds >= patience * stall.limit(abort) {
      actions.append(.abort(stall, hadWarned: hasWarned))
    } else if warn > 0, !hasWarned, stall.seconds >= stall.limit(warn) {
      hasWarned = true
      actions.append(.warn(stall))
    }
    return actions
  }
}
