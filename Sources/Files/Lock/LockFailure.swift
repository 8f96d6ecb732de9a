/// Why a run directory cannot be written, or no longer: one line.
package enum LockFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// Another run holds it.
  case held(String)
  /// Another run has taken it from this one.
  case lost(String)
  /// A call of the system failed.
  case failed(String)

  package var description: String {
    switch self {
    case .held(let text), .lost(let text), .failed(let text): text
    }
  }
}
