import Recording

/// What a comparison found, for programs.
public struct VerificationRecord {
  private let name: String
  private let steps: Int
  private let runs: [RecordedRun]
  private let comparison: RunComparison
  private let ended: [Bool]
  private let cause: String?

  /// `ended` says which runs came to their end; `cause` is what the traces say of the first
  /// difference.
  public init(
    name: String, steps: Int, runs: [RecordedRun], comparison: RunComparison, ended: [Bool],
    cause: String?
  ) {
    (self.name, self.steps, self.runs) = (name, steps, runs)
    (self.comparison, self.ended, self.cause) = (comparison, ended, cause)
  }

  private var areIdentical: Bool {
    comparison.areIdentical && cause == nil && !ended.contains(false)
  }
}

extension VerificationRecord: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("experiment", name)
      $0.field("steps", steps)
      $0.field("identical", areIdentical)
      $0.field("cause", cause)
      $0.field("reference_ranks", runs[comparison.reference].ranks)
      $0.key("runs")
      $0.array(runs.indices) { json, index in
        let run = runs[index]
        let difference = comparison.differences[index]
        json.object {
          $0.field("ranks", run.ranks)
          $0.field("ended", ended[index])
          $0.field("identical", difference == nil)
          $0.field("loss", run.final("report final.loss").flatMap { Double($0) })
          if let score = run.scoreName {
            $0.field(score, run.final("report final.\(score)").flatMap { Double($0) })
          }
          $0.field(
            "weights_sha256",
            run.final("report weights_sha256").map { String($0.filter { $0 != "\"" }) })
          $0.field("difference", difference)
        }
      }
    }
  }
}

extension RunComparison.Difference: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("step", step)
      $0.field("name", name)
      $0.field("reference", reference)
      $0.field("found", found)
    }
  }
}
