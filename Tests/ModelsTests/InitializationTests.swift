import BuiltInModels
import ExperimentKeys
import Models
import Testing
import Vectors

@Suite struct InitializationTests {
  private static func weights(
    _ initialization: Initialization, _ activation: Activation = .relu, seed: UInt64 = 3
  ) -> (layout: TensorLayout, tensors: [[Double]]) {
    let model = Network.mlp(
      inputWidth: 300, hidden: [200, 100, 400], outputWidth: 10, activation: activation,
      initialization: initialization)
    var weights = FlatVector(zeros: model.layout)
    model.initialize(&weights, seed: seed)
    return (model.layout, weights.tensors)
  }

  private static let fans = [(300, 200), (200, 100), (100, 400), (400, 10)]

  /// Variances as `torch.nn.init` documents them, with `calculate_gain` of the activation and 1
  /// after the last layer.
  @Test(arguments: [(Activation.relu, 2.0), (.tanh, 25.0 / 9), (.sigmoid, 1)])
  func variancesAreThoseOfTheScheme(
    _ activation: Activation, _ squaredGain: Double
  ) {
    for (scheme, variance) in [
      (Initialization.kaiming, { fans, gain in gain / Double(fans.0) }),
      (.xavier, { fans, gain in gain * 2 / Double(fans.0 + fans.1) }),
      (.normal(deviation: 0.3), { _, _ in 0.09 }),
    ] as [(Initialization, ((Int, Int), Double) -> Double)] {
      let (_, tensors) = Self.weights(scheme, activation)
      for layer in 0..<4 {
        let values = tensors[2 * layer]
        let expected = variance(Self.fans[layer], layer == 3 ? 1 : squaredGain)
        let mean = values.reduce(0, +) / Double(values.count)
        let actual = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
        // The mean of n squares of a normal variable has the relative deviation √(2/n), of a
        // uniform one less.
        #expect(
          abs(actual / expected - 1) < 5 * (2 / Double(values.count)).squareRoot(),
          "\(scheme) layer \(layer)")
        #expect(abs(mean) < 5 * (expected / Double(values.count)).squareRoot())
        #expect(tensors[2 * layer + 1].allSatisfy { $0 == 0 })
        if scheme == .xavier { #expect(values.allSatisfy { $0 * $0 <= 3 * expected * (1 + 1e-6) }) }
        if scheme != .xavier { #expect(values.contains { $0 * $0 > 6 * expected }) }
      }
    }
  }

  @Test func rowsOrColumnsAreOrthogonal() {
    let (layout, tensors) = Self.weights(.orthogonal, .tanh)
    for layer in 0..<4 {
      let (rows, columns) = (
        layout.segments[2 * layer].shape[0], layout.segments[2 * layer].shape[1]
      )
      let gain = layer == 3 ? 1 : 5.0 / 3
      func vector(_ index: Int) -> [Double] {
        rows > columns
          ? (0..<rows).map { tensors[2 * layer][$0 * columns + index] }
          : Array(tensors[2 * layer][index * columns..<(index + 1) * columns])
      }
      let vectors = (0..<min(rows, columns)).map(vector)
      for i in vectors.indices {
        for j in 0...i {
          let product = zip(vectors[i], vectors[j]).reduce(0) { $0 + $1.0 * $1.1 } / (gain * gain)
          #expect(abs(product - (i == j ? 1 : 0)) < 1e-6)
        }
      }
    }
    #expect(tensors[0] != Self.weights(.orthogonal, .tanh, seed: 4).tensors[0])
  }

  /// The orthogonal factor of a square Gaussian matrix: every diagonal element is as often positive
  /// as negative.
  @Test func orthogonalMatricesHaveNoPreferredSign() {
    var positive = 0
    for seed in 0..<400 as Range<UInt64> {
      let model = Network.mlp(
        inputWidth: 3, hidden: [], outputWidth: 3, initialization: .orthogonal)
      var weights = FlatVector(zeros: model.layout)
      model.initialize(&weights, seed: seed)
      if weights.tensors[0][8] > 0 { positive += 1 }
    }
    // Binomial: 200 ± 10.
    #expect(abs(positive - 200) < 50)
  }

  @Test func keysAreRead() throws {
    func read(_ text: String) throws -> Initialization {
      var reader = try ExperimentReader(text: "[model]\n" + text, source: "t.toml", overrides: [])
      try reader.enter("model")
      let recipe = try MLPKind(&reader)
      _ = try reader.finish()
      return recipe.initialization
    }
    #expect(try read("") == .standard)
    #expect(try read("initialization = \"default\"") == .standard)
    #expect(try read("initialization = \"kaiming\"") == .kaiming)
    #expect(try read("initialization = \"xavier\"") == .xavier)
    #expect(try read("initialization = \"orthogonal\"") == .orthogonal)
    #expect(try read("initialization = \"normal\"") == .normal(deviation: 0.02))
    #expect(
      try read("initialization = \"normal\"\ninitialization_std = 0.5") == .normal(deviation: 0.5))
    #expect(throws: ExperimentError.self) {
      try read("initialization = \"normal\"\ninitialization_std = 0")
    }
    // It belongs to another choice, and is ignored.
    #expect(try read("initialization = \"kaiming\"\ninitialization_std = 0.5") == .kaiming)
    #expect(throws: ExperimentError.self) { try read("initialization = \"he\"") }
  }
}
