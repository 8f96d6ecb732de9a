import Foundation
import GradientNorms
import Recording
import Reports
import Testing

@Suite struct RunGaugesTests {
  @Test func theTextIsPrometheusExpositionFormat() throws {
    var gauges = RunGauges(experiment: "a \"quoted\" name\\with\nlines", directory: "runs/x")
    gauges.restarts = 2
    for event in WorkerEventTests.events { gauges.take(event) }
    gauges.take(
      .progress(
        .init(
          step: 3, steps: 9, epoch: 0.5, loss: nil, norm: 1.25, clippedFraction: 0.5,
          samplesPerSecond: 1e3, secondsLeft: nil, skipped: 1,
          coefficient: 0.75, learningRate: 1e-5, noiseScale: 64)))
    let text = gauges.text
    #expect(text.hasSuffix("\n"))
    var described: Set<Substring> = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# ") {
        let found = try #require(
          line.wholeMatch(of: /# (HELP|TYPE) (lockstep_[a-z_]+) (.+)/), "\(line)")
        if found.1 == "TYPE" {
          #expect(
            ["gauge", "counter"].contains(found.3)
              && (found.3 == "counter") == found.2.hasSuffix("_total"))
          #expect(described.insert(found.2).inserted)
        }
      } else {
        let sample =
          /(lockstep_[a-z_]+)(\{[a-z]+="([^"\\\n]|\\[\\"n])*"(,[a-z]+="([^"\\\n]|\\[\\"n])*")*\})? (NaN|[-+]?[0-9.]+(e-?[0-9]+)?)/
        let found = try #require(line.wholeMatch(of: sample), "\(line)")
        #expect(described.contains(found.1), "\(line) comes before its type")
      }
    }
    for wanted in [
      "lockstep_step 3\n", "lockstep_gradient_norm 1.25\n", "lockstep_loss NaN\n",
      "lockstep_restarts_total 2\n",
      "lockstep_learning_rate 1e-05\n",
      "lockstep_noise_scale_samples 64\n",
      "lockstep_held_out_step 9\n", "lockstep_held_out_loss 2\n",
      "lockstep_evaluation_score{name=\"mean_return\"} 475.5\n",
      "lockstep_verdict_info{verdict=\"noise-floor\"} 1\n",
      #"experiment="a \"quoted\" name\\with\nlines""#,
    ] { #expect(text.contains(wanted), "\(wanted)") }
    #expect(!text.contains("seconds_left"))
  }
}
