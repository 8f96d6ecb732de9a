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
    var optimizer: String
    var learningRate, maxNorm: Double
    /// The layers of a network, as `model.layers`; of nil, the keys are those of ``models``.
    var network: String?
    /// Further keys.
    var keys: [String]?
    /// The running statistics after the last step, of a network with batch normalization.
    var running: [String: [Double]]?
    /// The same in micro-batches of 8, each with statistics of its own.
    var ghosts: [Step]?
    var ghostsRunning: [String: [Double]]?
    /// The norm of each sample's gradient in the first step, where it has one.
    var samples: [Double]?
  }

  private static let text = [
    "data.kind=text",
    "data.path=\"\(Bundle.module.url(forResource: "Golden", withExtension: nil)!.path)/text.txt\"",
    "data.context=16",
    "data.validation=0",
  ]

  static let models: [String: [String]] = [
    "mlp": ["model.kind=mlp", "model.hidden=[32, 16]", "data.kind=fashion-mnist"],
    "cnn": ["model.kind=cnn", "data.kind=fashion-mnist"],
    "rnn": text + ["model.kind=rnn", "model.embedding=16", "model.hidden=32"],
    "lstm": text + ["model.kind=lstm", "model.embedding=16", "model.hidden=32"],
    "gpt": text + ["model.kind=gpt", "model.layers=2", "model.heads=2", "model.width=32"],
  ]

  /// Networks, which `networks.py` trained.
  static let networks: [String: [String]] = [
    "net-dense": ["data.kind=fashion-mnist"], "net-residual": ["data.kind=fashion-mnist"],
    "net-batch": ["data.kind=fashion-mnist"],
    "net-lstm": text, "net-gru": text, "net-llama": text, "net-open": text,
    // 50 steps of Muon: matrices tall, wide, square, and of convolutions, one of them in groups; a
    // tied head, and one of its own.
    "muon-text": text, "muon-images": ["data.kind=fashion-mnist"],
  ]

  /// PyTorch's trajectories in Float64, at 1, 2, 3 and 4 ranks, whichever way gradients are
  /// exchanged, in micro-batches of 8 and 32.
  @Test(arguments: models.merging(networks) { first, _ in first }) func trainingFollowsPyTorch(
    _ model: String, _ keys: [String]
  ) throws { try follow(model, keys) }

  /// The same by one library for all products, and on several threads.
  @Test(arguments: ["cnn", "gpt", "net-gru", "net-residual"], ["onednn:3", "openblas:2"])
  func soItDoesByEachLibraryAndOnThreads(_ model: String, _ choice: String) throws {
    try follow(
      model, try #require(Self.models[model] ?? Self.networks[model]),
      environment: ["LOCKSTEP_TEST_COMPUTE": choice])
  }

  private func follow(_ model: String, _ keys: [String], environment: [String: String] = [:]) throws
  {
    let folder = try #require(Bundle.module.url(forResource: "Golden", withExtension: nil))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let settings = try decoder.decode(
      Golden.self, from: Data(contentsOf: folder.appending(path: "\(model).json")))
    let golden = settings.float64
    let network = settings.network.map {
      ["model.kind=network", "model.layers=\($0)", "optimizer.decay=all"]
    }
    let rule =
      (network ?? []) + [
        "optimizer.kind=\(settings.optimizer)", "optimizer.learning_rate=\(settings.learningRate)",
        "clip.max_norm=\(settings.maxNorm)",
      ] + (settings.keys ?? [])
      + (settings.samples == nil ? [] : ["report.samples=true", "report.noise=samples"])
    let outcome = try Programs.mpirun(
      4, ["golden", folder.appending(path: "\(model).start.safetensors").path] + keys + rule,
      environment: environment)
    try #require(outcome.status == 0, "\(outcome.errors)")
    // Recurrent networks amplify what Float32 rounds.
    let bound = ["net-lstm", "net-gru", "net-open", "net-batch"].contains(model) ? 2e-5 : 1e-5
    var worst = (loss: 0.0, norm: 0.0, coefficient: 0.0, tensor: 0.0)
    var steps: [String: Int] = [:]
    var (compared, measured) = (0, 0)
    for line in outcome.output.split(separator: "\n") {
      let words = line.split(separator: " ")
      let isGhosts = words[2] == "8" && settings.ghosts != nil
      if words[3] == "samples" {
        try compare(words[4...].map(String.init), with: try #require(settings.samples), bound, line)
        measured += 1
        continue
      }
      if words[3] == "running" {
        let running = try #require(isGhosts ? settings.ghostsRunning : settings.running)
        #expect(words.count - 4 == running.count)
        for tensor in words[4...].map({ $0.split(separator: "=") }) {
          let truth = try #require(running[String(tensor[0])])
          for (value, truth) in zip(tensor[1].split(separator: ","), truth) {
            #expect(abs(try #require(Double(value)) - truth) < bound, "\(line): \(tensor[0])")
          }
          #expect(truth.count == tensor[1].split(separator: ",").count)
        }
        compared += 1
        continue
      }
      let figures = try words[4...6].map { try #require(Double($0)) }
      steps[words[0...2].joined(separator: " "), default: 0] += 1
      let golden = isGhosts ? settings.ghosts! : settings.float64
      let truth = golden[try #require(Int(words[3])) - 1]
      func error(_ value: Double, _ truth: Double) -> Double { abs(value - truth) / truth }
      let errors = (
        loss: error(figures[0], truth.loss), norm: error(figures[1], truth.norm),
        coefficient: error(figures[2], truth.coefficient)
      )
      #expect(
        errors.loss < bound && errors.norm < bound && errors.coefficient < bound, "\(line)")
      worst = (
        max(worst.loss, errors.loss), max(worst.norm, errors.norm),
        max(worst.coefficient, errors.coefficient), worst.tensor
      )
      guard let layers = truth.layers else { continue }
      let tensors = words[7...].map { $0.split(separator: "=") }
      // The files of built-in models call the one bias as PyTorch does the first of its two.
      func name(_ tensor: Substring) -> String {
        tensor == "rnn.bias_l0" ? "rnn.bias_ih_l0" : String(tensor)
      }
      #expect(Set(tensors.map { name($0[0]) }) == Set(layers.keys))
      for tensor in tensors {
        let error = error(try #require(Double(tensor[1])), try #require(layers[name(tensor[0])]))
        #expect(error < bound, "\(line): \(tensor[0])")
        worst.tensor = max(worst.tensor, error)
      }
    }
    #expect(steps.count == 32 && steps.values.allSatisfy { $0 == golden.count }, "\(steps)")
    #expect(golden.contains { $0.coefficient < 1 })
    #expect(compared == (settings.running == nil ? 0 : 32))
    #expect(measured == (settings.samples == nil ? 0 : 32))
    print(
      "golden \(model): worst relative error of loss \(worst.loss), norm \(worst.norm), coefficient \(worst.coefficient), tensor \(worst.tensor)"
    )
  }

  /// The sum of the samples' norms and that of their squares, and the largest as `SAMPLE=NORM`.
  private func compare(
    _ words: [String], with norms: [Double], _ bound: Double, _ line: Substring
  ) throws {
    func expect(_ value: String, _ truth: Double) throws {
      #expect(abs(try #require(Double(value)) - truth) < bound * truth, "\(line): not \(truth)")
    }
    try expect(words[0], norms.reduce(0, +))
    try expect(words[1], norms.reduce(0) { $0 + $1 * $1 })
    let order = norms.indices.sorted { norms[$0] > norms[$1] }
    #expect(words.count == 10)
    for (word, sample) in zip(words[2...], order) {
      let parts = word.split(separator: "=").map(String.init)
      #expect(parts[0] == "\(sample)", "\(line)")
      try expect(parts[1], norms[sample])
    }
  }

  @Test func twoBiasesOfPyTorchBecomeTheirSum() throws {
    let folder = TemporaryFolder()
    let text = folder.write(
      String(repeating: "to be or not to be, ", count: 40), to: "text.txt")
    let outcome = try Programs.mpirun(2, ["start", text, folder.path])
    #expect(outcome.status == 0, "\(outcome.rankLines)")
  }
}
