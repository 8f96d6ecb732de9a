import FoundationEssentials
import Recording
import Reports
import ScalingStudy

// The branches: their samples, their keys, and where they go on from.
extension BatchRuns {
  /// The samples of a branch, which have to lie within the run.
  func window(_ report: ConvergenceReport) throws -> BranchWindow {
    let batch = experiment.globalBatch
    let epoch = Int((Double(report.samples) / report.epochs).rounded())
    let perEpoch = (epoch + batch - 1) / batch
    let steps = course.steps ?? perEpoch * (course.epochs ?? 1)
    let all = steps / perEpoch * epoch + steps % perEpoch * batch
    let left = all - report.samples
    let largest = batch * (plan.factors.last ?? 1)
    guard largest <= epoch else {
      throw CommandFailure(
        .usage,
        "--factors: \(plan.factors.last ?? 1) times the batch are \(largest) samples, more than the \(epoch) of an epoch"
      )
    }
    guard left > 0 else {
      throw CommandFailure(
        .usage,
        "--at \(plan.step ?? report.steps): the run ends after step \(report.steps), and nothing is left for branches: give an earlier step"
      )
    }
    if let samples = plan.samples, samples > left {
      throw CommandFailure(
        .usage,
        "--samples \(samples): after step \(report.steps) the run has \(left) more: give at most these, or a longer run (--set training.steps=…)"
      )
    }
    let wanted = plan.samples ?? min(left, max(all / 4, 8 * largest))
    guard
      let window = BranchWindow(
        start: report.samples, wanted: wanted, epoch: epoch, batch: batch, factors: plan.factors)
    else {
      throw CommandFailure(
        .usage,
        "\(wanted) samples a branch are fewer than four whole steps of the largest batch, \(largest): give more --samples, a longer run, or smaller --factors"
      )
    }
    return window
  }

  func overrides(
    _ factor: Int, _ order: Int, _ start: BatchStudy.Start, _ window: BranchWindow
  ) -> [String] {
    let batch = experiment.globalBatch
    var keys = [
      "evaluation.every=\(window.evaluationInterval(factor: factor, batch: batch))"
    ]
    if order > 1 { keys.append("data.order_seed=\(orderSeed(order))") }
    if factor > 1 {
      keys += [
        "schedule.batch=critical", "schedule.critical=[[\(start.samples), \(factor * batch)]]",
      ]
    }
    return keys
  }

  /// The first order is the experiment's own.
  func orderSeed(_ order: Int) -> Int {
    let (seed, overflows) = course.orderSeed.addingReportingOverflow(order - 1)
    return overflows ? order - 1 : seed
  }

  /// Makes the directory of a branch: the trunk's checkpoint and its records so far.
  func fork(_ directory: RunDirectory, _ start: BatchStudy.Start) throws {
    let files = FileManager.default
    if files.fileExists(atPath: directory.path) { return }
    let aside = directory.path + ".new"
    let checkpoint = RunDirectory.checkpointName(start.step)
    do {
      try? files.removeItem(atPath: aside)
      try RunDirectory.make(aside + "/checkpoints")
      try files.copyItem(
        atPath: "\(trunk.checkpoints)/\(checkpoint)", toPath: "\(aside)/checkpoints/\(checkpoint)")
      for records in [trunk.metrics, trunk.ranks, trunk.evaluations]
      where files.fileExists(atPath: records) {
        let name = records.split(separator: "/").last.map(String.init) ?? records
        try files.copyItem(atPath: records, toPath: "\(aside)/\(name)")
      }
      try files.moveItem(atPath: aside, toPath: directory.path)
    } catch {
      throw CommandFailure(
        .workerFailed,
        "\(directory.path) cannot be made from the checkpoint of step \(start.step) in \(trunk.path): \(error)"
      )
    }
  }
}
