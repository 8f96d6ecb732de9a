import Recording
import Scaling

/// `scale.json`
extension Study: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("name", name)
      $0.field("plan", plan)
      $0.key("points")
      $0.array(counts) { json, count in write(count, to: &json) }
      $0.key("fits")
      $0.array(laws) { json, fitted in
        json.object {
          $0.field("law", fitted.law.rawValue)
          $0.field("evidence", fitted.evidence)
          guard let fit = fitted.fit else { return }
          $0.field("samples_per_second_of_one", fit.base)
          for (name, estimate) in zip(fit.law.keys, fit.coefficients) { $0.field(name, estimate) }
          $0.field("peak_ranks", fitted.peak)
          $0.field("relative_deviation", fit.relativeDeviation)
        }
      }
      $0.field("exchange", exchange)
      $0.field("step", steps)
      $0.key("held_out")
      $0.array(heldOut) { json, point in
        json.object {
          $0.field("ranks", point.ranks)
          $0.field("measured_seconds", point.measured)
          $0.field("predicted_seconds", point.predicted)
        }
      }
      $0.field("evidence", evidence)
      $0.field("efficiency", efficiency)
      $0.key("cluster")
      $0.object {
        $0.field("ranks_per_host", cluster.ranksPerHost)
        $0.field("latency_seconds", cluster.latency)
        $0.field("bytes_per_second", cluster.bandwidth)
        $0.field("assumed", cluster.assumptions)
      }
      $0.key("predictions")
      $0.array(predictions) { json, prediction in
        json.object {
          $0.field("ranks", prediction.ranks)
          $0.field("hosts", prediction.hosts)
          $0.field("global_batch", prediction.globalBatch)
          $0.field("flat_seconds", prediction.flat)
          $0.field("hierarchical_seconds", prediction.hierarchical)
          $0.field("exchange_share", prediction.exchangeShare)
          $0.field("speed_up", prediction.speedUp)
          $0.field("efficiency", prediction.efficiency)
        }
      }
    }
  }

  private func write(_ count: RankCount, to json: inout JSONText) {
    json.object {
      $0.field("ranks", count.ranks)
      $0.field("threads", count.threads)
      $0.field("hosts", count.runs[0].hosts)
      $0.field("oversubscribed", count.isOversubscribed)
      $0.field("global_batch", count.globalBatch)
      $0.field("step_seconds", count.step)
      $0.field("samples_per_second", count.samplesPerSecond)
      $0.field("speed_up", speedUp(count))
      if plan.cores == nil { $0.field("efficiency", efficiency(count)) }
      $0.key("per_rank")
      $0.array(zip(count.parts, count.waiting)) { json, rank in
        json.object {
          $0.field("seconds", rank.0)
          $0.field("waiting", rank.1)
        }
      }
      $0.key("repeats")
      $0.array(count.runs) { json, run in
        json.object {
          $0.field("repeat", run.attempt)
          $0.field("step_seconds", run.step)
          $0.field("steps_to_target", run.stepsToTarget)
          $0.field("noise_scale", run.noiseScale)
        }
      }
      if let exchange = count.exchange { $0.field("exchange", exchange) }
    }
  }
}

extension ScalingLaw {
  fileprivate var keys: [String] {
    switch self {
    case .amdahl: ["sigma"]
    case .gustafson: ["s"]
    case .usl: ["sigma", "kappa"]
    }
  }
}

extension Evidence: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("verdict", verdict.rawValue)
      $0.key("reasons")
      $0.array(reasons) { $0.value($1) }
      $0.field("points", points)
      $0.field("rank_counts", rankCounts)
      $0.field("degrees_of_freedom", degreesOfFreedom)
      $0.field("held_out", heldOutCount)
      $0.field("held_out_median_error", heldOutError)
    }
  }
}

extension Quartiles: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("median", median)
      $0.field("lower_quartile", lowerQuartile)
      $0.field("upper_quartile", upperQuartile)
      $0.field("count", count)
    }
  }
}

extension Estimate: JSONWritable {
  public func write(to json: inout JSONText) {
    let interval = interval()
    json.object {
      $0.field("value", value)
      $0.field("standard_error", standardError)
      $0.field("low", interval?.lowerBound)
      $0.field("high", interval?.upperBound)
    }
  }
}

extension ExchangeModel: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("network_seconds_a_round", networkLatency)
      $0.field("local_seconds_a_round", localLatency)
      $0.field("link_bytes_per_second", bandwidth)
      $0.field("seconds_a_byte_taken_in", touching)
    }
  }
}

extension StepModel: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("fixed_seconds", fixed)
      $0.field("seconds_a_sample", perSample)
    }
  }
}

extension StatisticalEfficiency: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("target_loss", targetLoss)
      $0.field("noise_scale", noiseScale)
      $0.field("critical_batch", fitted?.batch)
      $0.key("rows")
      $0.array(rows) { json, row in
        json.object {
          $0.field("ranks", row.ranks)
          $0.field("global_batch", row.globalBatch)
          $0.field("steps", row.steps)
          $0.field("forecast_steps", row.forecast)
          $0.field("samples", row.samples)
          $0.field("seconds", row.seconds)
          $0.field("rank_seconds", row.rankSeconds)
        }
      }
      $0.field("best_in_time", best({ $0.seconds }, isTime: true)?.ranks)
      $0.field("best_in_samples", best({ $0.samples }, isTime: false)?.ranks)
      $0.field("best_in_cost", best({ $0.rankSeconds }, isTime: true)?.ranks)
    }
  }
}
