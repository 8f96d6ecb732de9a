import Foundation
import RankTesting
import Testing

@Suite struct GoldenTests {
  private struct Golden: Decodable {
    struct Step: Decodable {
      var step: Int
      var loss, norm, coefficient: Double
      var layers: [String: Double]?
    }
    var float64: [Step]
  }

  /// PyTorch's trajectory in Float64, at 1, 2, 3 and 4 ranks, replicated and sharded, in micro-batches of 8 and 32.
  @Test(arguments: ["mlp", "cnn"]) func followsPyTorch(_ model: String) throws {
    let folder = try #require(Bundle.module.url(forResource: "Golden", withExtension: nil))
    let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: folder.appending(path: "\(model).json"))).float64
    let outcome = try Programs.mpirun(4, ["golden", model, folder.appending(path: "\(model).start.safetensors").path])
    try #require(outcome.status == 0, "\(outcome.errors)")
    var worst = (loss: 0.0, norm: 0.0, coefficient: 0.0, tensor: 0.0)
    var steps: [String: Int] = [:]
    for line in outcome.output.split(separator: "\n") {
      let words = line.split(separator: " ")
      let figures = try words[4...6].map { try #require(Double($0)) }
      steps[words[0...2].joined(separator: " "), default: 0] += 1
      let truth = golden[try #require(Int(words[3])) - 1]
      func error(_ value: Double, _ truth: Double) -> Double { abs(value - truth) / truth }
      let errors = (
        loss: error(figures[0], truth.loss), norm: error(figures[1], truth.norm), coefficient: error(figures[2], truth.coefficient)
      )
      #expect(errors.loss < 1e-5 && errors.norm < 1e-5 && errors.coefficient < 1e-5, "\(line)")
      worst = (max(worst.loss, errors.loss), max(worst.norm, errors.norm), max(worst.coefficient, errors.coefficient), worst.tensor)
      guard let layers = truth.layers else { continue }
      let tensors = words[7...].map { $0.split(separator: "=") }
      #expect(Set(tensors.map { String($0[0]) }) == Set(layers.keys))
      for tensor in tensors {
        let error = error(try #require(Double(tensor[1])), try #require(layers[String(tensor[0])]))
        #expect(error < 1e-5, "\(line): \(tensor[0])")
        worst.tensor = max(worst.tensor, error)
      }
    }
    #expect(steps.count == 16 && steps.values.allSatisfy { $0 == golden.count }, "\(steps)")
    #expect(golden.contains { $0.coefficient < 1 } && golden.contains { $0.coefficient == 1 })
    print(
      "golden \(model): worst relative error of loss \(worst.loss), norm \(worst.norm), coefficient \(worst.coefficient), tensor \(worst.tensor)"
    )
  }
}
