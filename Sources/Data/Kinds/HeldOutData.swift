import ExperimentKeys

/// The test set of data in one file: a part of them, or another file. The keys `validation` and
/// `validation_path`.
public struct HeldOutData: Sendable {
  /// The part that is held out; 0 where another file is the test set.
  public let fraction: Double
  public let path: String?

  /// `part` and `file` say what the keys mean.
  init(_ keys: inout ExperimentReader, part help: String, file: String) throws(ExperimentError) {
    path = try keys.path("validation_path", file)
    let wanted = "a fraction of at least 0 and below 1"
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

extension HeldOutData {
  /// The test set of a text: a part at its end.
  init(ofText keys: inout ExperimentReader) throws(ExperimentError) {
    try self.init(
      &keys, part: "the part at the end that is held out for testing",
      file: "another file to test with, instead of a part")
  }
}
