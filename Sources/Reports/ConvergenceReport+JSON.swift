import GradientNorms
import Recording

extension ConvergenceReport: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("verdict", verdict.rawValue)
      $0.field("reasons", reasons)
      $0.field("steps", steps)
      $0.field("epochs", epochs)
      $0.field("samples", samples)
      $0.field("final", final)
      if let heldOut { $0.field("held_out", heldOut) }
      $0.field("norm", norm)
      $0.field("clip_bias", clipBias)
      if let spikeScore { $0.field("spike_score", spikeScore) }
      $0.field("noise_scale", noiseScale)
      $0.field("throughput", throughput)
      $0.field("time_share", timeShare)
      $0.field("ranks", ranks)
      $0.field("restarts", restarts)
      if let resumedAt {
        $0.key("resumed_at")
        $0.array(resumedAt) { $0.value($1) }
      }
      if let changes { $0.field("changes", changes) }
      $0.field("weights_sha256", weightsSHA256)
      $0.field("skips", skips)
      if let simulation { $0.field("simulation", simulation) }
    }
  }
}

extension ConvergenceReport.Final: Decodable, JSONWritable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case loss, accuracy
    case gradNorm = "grad_norm"
  }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("loss", loss)
      $0.field("accuracy", accuracy)
      for other in others { $0.field(other.name, other.value) }
      for number in average?.averageNumbers ?? [] { $0.field(number.name, number.value) }
      $0.field("grad_norm", gradNorm)
    }
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    loss = try fields.decodeIfPresent(Double.self, forKey: .loss)
    accuracy = try fields.decodeIfPresent(Double.self, forKey: .accuracy)
    gradNorm = try fields.decodeIfPresent(Double.self, forKey: .gradNorm)
    others = try NamedNumber.list(
      from: decoder, except: Set(CodingKeys.allCases.map(\.rawValue))
    ) { !Scores.isAverage($0) }
    average = try Scores.average(from: decoder)
  }
}

extension ConvergenceReport.HeldOut: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("rows", rows)
      $0.field("evaluations", evaluations)
      $0.field("best", best)
      $0.field("last", last)
      $0.field("best_safetensors", bestFile)
    }
  }
}

extension ConvergenceReport.HeldOut.Point: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("step", step)
      $0.field("loss", loss)
    }
  }
}

extension ConvergenceReport.Norm: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("first", first)
      $0.field("last", last)
      $0.field("max", max)
      $0.field("clipped_fraction", clippedFraction)
      $0.field("certified_fraction", certifiedFraction)
      $0.field("skipped", skipped)
    }
  }
}

extension ConvergenceReport.ClipBias: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("scope", scope)
      $0.field("relative", relative)
      $0.field("cosine", cosine)
      $0.field("measured_steps", measuredSteps)
    }
  }
}

extension ConvergenceReport.SpikeScore: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("loss", loss)
      $0.field("norm", norm)
      $0.field("window", window)
      $0.field("deviations", deviations)
    }
  }
}

extension ConvergenceReport.Throughput: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("samples_per_second", samplesPerSecond)
      $0.field("step_ms_median", stepMsMedian)
      $0.field("step_ms_p95", stepMsP95)
    }
  }
}

extension ConvergenceReport.Rank: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("rank", rank)
      $0.field("host", host)
      $0.field("samples", samples)
      $0.field("final_loss", finalLoss)
      $0.field("mean_local_norm", meanLocalNorm)
      $0.field("seconds_waiting", secondsWaiting)
      $0.field("weights_sha256", weightsSHA256)
    }
  }
}

extension ConvergenceReport.Skip: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("step", step)
      $0.field("rank", rank)
      $0.field("host", host)
      $0.field("tensor", tensor)
      $0.field("text", text)
    }
  }
}
