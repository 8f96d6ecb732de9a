import Recording
import Scaling

/// `critical-batch.json`: nothing in it depends on when and how fast it was measured.
extension BatchStudy: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("name", name)
      $0.field("step", start.step)
      $0.field("samples", start.samples)
      $0.field("global_batch", globalBatch)
      $0.field("critical_batch", criticalBatch)
      $0.field("critical_factor", judgement.critical)
      $0.field("next_batch", nextBatch)
      $0.field("rate_power", ratePower)
      $0.field("loss", lossText)
      $0.field("branch_samples", samples)
      $0.field("plan", plan)
      $0.key("batches")
      $0.array(judgement.rows) { json, row in write(row, to: &json) }
      $0.key("steps_to_loss")
      if let steps { write(steps, to: &$0) } else { $0.null() }
      $0.key("noise_scale")
      $0.object { json in
        for forecast in forecasts { json.field(forecast.source, forecast.scale) }
      }
      $0.field("forecast", forecastText)
    }
  }

  private func write(_ row: BatchJudgement.Row, to json: inout JSONText) {
    json.object {
      $0.field("factor", row.factor)
      $0.field("batch", row.factor * globalBatch)
      $0.field("mean_loss", row.mean)
      $0.field("excess", row.excess)
      $0.field("epsilon", row.epsilon)
      $0.field("no_worse", row.isNoWorse)
      $0.key("orders")
      $0.array(branches.filter { $0.factor == row.factor }) { json, branch in
        json.object {
          $0.field("order", branch.order)
          $0.field("steps", branch.steps)
          $0.field("loss", branch.loss)
          $0.field("weights_sha256", branch.weightsSHA256)
          $0.key("curve")
          $0.array(branch.curve) { json, point in
            json.object {
              $0.field("steps", point.steps)
              $0.field("loss", point.loss)
            }
          }
        }
      }
    }
  }

  private func write(_ steps: StepsToLoss, to json: inout JSONText) {
    json.object {
      $0.field("target_loss", steps.target)
      $0.field("critical_batch", steps.law?.batch)
      $0.field("fewest_steps", steps.law?.fewestSteps)
      $0.key("batches")
      $0.array(steps.rows) { json, row in
        json.object {
          $0.field("batch", row.batch)
          $0.field("steps", row.steps)
          $0.field("predicted", row.predicted)
          $0.field("error", row.error)
        }
      }
    }
  }
}
