import ExperimentKeys

/// The test set of a text: a part at its end, or another file. The keys `validation` and
/// `validation_path`.
public struct HeldOutText: Sendable {
  /// The part at the end; 0 where another file is the test set.
  public let fraction: Double
  public let path: String?

  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    path = try keys.path(
      "validation_path", "another file to test with, instead of a part")
    let wanted = "a fraction of at least 0 and below 1"
    let help = "the part at the end that is held out for testing"
    if path == nil {
      fraction = try keys.number("validation", default: 0.1, wanted: wanted, help) {
        $0 >= 0 && $0 < 1
      }
    } else {
      fraction = 0
      let given = try keys.number(optional: "validation", wanted: wanted, help) {
        $0 >= 0 && $0 < 1
      }
      if given != nil {
        throw keys.error(
          "validation", "validation_path names the test set already; give one of the two")
      }
    }
  }
}
