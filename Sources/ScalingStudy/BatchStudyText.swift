import Recording
import Reports
import Scaling

/// A measured critical batch as text for a terminal.
public struct BatchStudyText {
  private let study: BatchStudy

  public init(_ study: BatchStudy) { self.study = study }

  /// All of it, with a line end after its last line.
  public var text: String {
    [head, batches, steps, forecast].filter { !$0.isEmpty }
      .map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
  }

  private var head: [String] {
    [
      "\(PlainText.sanitized(study.name, limit: 60)): branches after step \(NumberFormat.grouped(study.start.step)) (\(NumberFormat.grouped(study.start.samples)) samples)",
      "each over \(NumberFormat.grouped(study.samples)) samples, in \(NumberFormat.counted(study.plan.orders, "order")); learning rate \(rate)",
      "loss: \(study.lossText)",
    ]
  }

  private var rate: String {
    study.ratePower == 1 ? "x k" : study.ratePower == 0 ? "unchanged" : "x sqrt(k)"
  }

  private var batches: [String] {
    let rows = study.judgement.rows.map { row in
      [
        String(row.factor), NumberFormat.grouped(row.factor * study.globalBatch),
        NumberFormat.grouped(study.branches.first { $0.factor == row.factor }?.steps ?? 0),
        NumberFormat.formatted(row.mean), NumberFormat.formatted(row.excess),
        NumberFormat.formatted(row.epsilon),
        row.factor == 1
          ? row.mean == nil ? "no loss" : "" : row.isNoWorse ? "no worse" : "worse",
      ]
    }
    let columns = ["k", "batch", "steps", "loss", "worse by", "2 std. errors", ""]
    return TextColumns.lines([columns] + rows) { $0 == 6 }.map(\.trimmed) + [study.bracketText]
      + study.judgement.inconsistent.map {
        "k = \($0) is worse all the same: more --orders would say which"
      }
  }

  private var steps: [String] {
    guard let steps = study.steps else {
      return ["steps to a loss: fewer than two batches came below the loss that they began with"]
    }
    let law =
      steps.law.map {
        "S_min = \(NumberFormat.rate($0.fewestSteps)), B_c = \(NumberFormat.rate($0.batch))"
      } ?? "the steps set no B_c between 0 and infinity"
    let rows = steps.rows.map { row in
      [
        NumberFormat.grouped(row.batch), NumberFormat.formatted(row.steps),
        NumberFormat.formatted(row.predicted),
        row.error.map { NumberFormat.percent(abs($0)) } ?? "–",
      ]
    }
    return [
      "steps to a loss of \(NumberFormat.formatted(steps.target)) by S = S_min (1 + B_c/B): \(law)"
    ]
      + TextColumns.lines([["batch", "steps", "predicted by the others", "error"]] + rows) { _ in
        false
      }
  }

  private var forecast: [String] {
    study.forecasts.map { forecast in
      "noise scale of \(forecast.source): "
        + (forecast.scale.map { "\(NumberFormat.rate($0)) samples" }
          ?? "none: \(forecast.reason ?? "the gradient is not resolved from its noise")")
    } + [study.forecastText].compactMap { $0 }
  }
}

extension BatchStudy {
  /// What the loss is of.
  var lossText: String {
    "mean loss of the weights after a branch's last step, on the rows held out of the training set (evaluation.split = \(heldOut))"
  }

  /// The critical batch with its bracket, in a line.
  var bracketText: String {
    guard let critical = criticalBatch, let factor = judgement.critical else {
      return "critical batch: none, a branch of k = 1 has no finite loss"
    }
    let batch = NumberFormat.grouped(critical)
    if let next = nextBatch {
      return
        "critical batch: \(batch) samples (k = \(factor)), bracket [\(batch), \(NumberFormat.grouped(next))]"
        + (factor == 1 ? "; no smaller one was tried" : "")
    }
    return
      "critical batch: at least \(batch) samples (k = \(factor), the largest tried); larger --factors would say more"
  }

  /// Whether the noise scale's forecast and the measurement agree, in a sentence: that of samples,
  /// where there is one. Nil without both.
  var forecastText: String? {
    guard let forecast = forecasts.last(where: { misfit(of: $0) != nil }),
      let misfit = misfit(of: forecast)
    else { return nil }
    let name = "the noise scale of \(forecast.source)"
    if misfit == 1 { return "forecast and measurement agree: \(name) lies in the bracket" }
    let factor = NumberFormat.fixed(misfit < 1 ? 1 / misfit : misfit, decimals: 1)
    return
      "forecast and measurement disagree: \(name) lies \(misfit < 1 ? "below" : "above") the bracket, by a factor of \(factor)"
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
