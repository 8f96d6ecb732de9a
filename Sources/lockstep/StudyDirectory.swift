import Glibc
import Recording
import Reports
import ScalingStudy

/// The files of a scaling study.
struct StudyDirectory {
  let path: String

  var plan: String { path + "/plan.json" }
  var results: String { path + "/scale.json" }
  var points: String { path + "/points.csv" }
  var page: String { path + "/report.html" }

  /// What to say where a run is wanted and a study is there; nil where none is.
  var isNoRun: CommandFailure? {
    if (try? JSONFile.read(BatchPlan.self, from: plan)) != nil {
      return CommandFailure(
        .usage,
        "\(PlainText.sanitized(path)) holds a measured critical batch, not a run: read \(path)/critical-batch.json; "
          + "its runs are directories of their own, such as \(path)/trunk")
    }
    guard access(plan, F_OK) == 0, let plan = try? JSONFile.read(StudyPlan.self, from: plan),
      let ranks = plan.ranks.first
    else { return nil }
    let results =
      access(results, F_OK) == 0
      ? "read \(page) (as JSON: \(self.results))"
      : "it has not ended: lockstep scale … --resume ends it"
    return CommandFailure(
      .usage,
      "\(PlainText.sanitized(path)) holds a study of \(plan.mode.rawValue) scaling, not a run: \(results); "
        + "its runs are directories of their own, such as \(path)/points/ranks-\(ranks)/repeat-1")
  }

  /// Writes results, points and page.
  func write(_ study: Study) throws(RunFileError) {
    try JSONFile.write(study, to: results)
    try JSONFile.write(Array(StudyCSV(study).text.utf8), to: points)
    try JSONFile.write(Array(StudyPage(study).html.utf8), to: page)
  }
}
