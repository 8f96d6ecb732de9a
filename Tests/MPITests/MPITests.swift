import RankTesting
import Testing

/// One after another: each test starts more processes than there are cores, and some measure time.
@Suite(.serialized)
enum MPITests {}

extension Outcome {
  /// The lines that `withMPI` prints for a rank that failed: `rank R on HOST: …`.
  var failures: [Substring] {
    errors.split(separator: "\n").filter { $0.wholeMatch(of: /rank \d+ on [^ ]+: .*/) != nil }
  }

  /// What a failed expectation should show.
  var account: Comment { "status \(status)\n\(output)\(errors)" }
}
