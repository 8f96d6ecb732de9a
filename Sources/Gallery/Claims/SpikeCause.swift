/// What makes a spike in a run of `spikes.toml`.
enum SpikeCause: String, CaseIterable, Sendable {
  /// All labels of ten steps are wrong.
  case labels = "wrong labels"
  /// The learning rate of five steps is 100 times what it should be.
  case rate = "rate too high"
  /// Sequences are eight times as long, with as many tokens a step.
  case length = "long sequences"
  /// One rank's gradients keep their exponents alone, from the 101st step on.
  case precision = "low precision"
  /// One rank's gradients of three steps are 10,000 times too long.
  case rank = "bad rank"

  /// Keys that bring it about.
  var overrides: [String] {
    self == .length ? ["data.context=128", "training.global_batch=2"] : []
  }

  /// The fault that the worker puts in; nil where keys are enough.
  var fault: String? {
    switch self {
    case .labels: "labels:0:101-110:16"
    case .rate: "rate:0:101-105:100"
    case .length: nil
    case .precision: "precision:1:101+:0"
    case .rank: "scale:1:101-103:10000"
    }
  }
}
