/// A model, its data and its optimiser, to be timed: the same in every release and beside every
/// peer.
///
/// All are trained in Float32, one thread a rank, with the mean gradient's L2 norm clipped at 1.
public struct Workload: Sendable {
  /// What a rate counts.
  public enum Unit: Sendable { case samples, tokens }

  public let name: String
  /// As people read it.
  public let summary: String
  /// Samples a rank and step.
  public let batch: Int
  public let unit: Unit
  /// How many steps are timed unless a number is asked for: a few seconds' worth.
  public let steps: Int
  /// The sections of the experiment file that are the workload's own.
  private let sections: String

  /// Steps before the first one that counts.
  public static let warmUp = 5

  /// The experiment on some ranks: each gets one micro-batch a step.
  public func experiment(ranks: Int, steps: Int) -> String {
    """
    name = "bench-\(name)"
    \(sections)
    [training]
    global_batch = \(batch * ranks)
    micro_batch = \(batch)
    steps = \(steps)
    [clip]
    rule = "global"
    max_norm = 1.0
    """
  }

  public static let all = [
    Workload(
      name: "mlp-small", summary: "784-128-10, ReLU, 64 images a rank", batch: 64, unit: .samples,
      steps: 2000,
      sections: images + momentum + "[model]\nkind = \"mlp\"\nhidden = [128]\n"),
    Workload(
      name: "mlp", summary: "784-1024-1024-10, ReLU, 64 images a rank", batch: 64, unit: .samples,
      steps: 300,
      sections: images + momentum + "[model]\nkind = \"mlp\"\nhidden = [1024, 1024]\n"),
    Workload(
      name: "cnn",
      summary: "two 3x3 convolutions of 32 and 64 channels, 3136-128-10, 64 images a rank",
      batch: 64, unit: .samples,
      steps: 200,
      sections: images + momentum + "[model]\nkind = \"cnn\"\nchannels = [32, 64]\nwidth = 128\n"),
    Workload(
      name: "lstm", summary: "embedding 64, hidden 256, 32 texts of 64 tokens a rank", batch: 32,
      unit: .tokens, steps: 150,
      sections: text(context: 64) + momentum
        + "[model]\nkind = \"lstm\"\nembedding = 64\nhidden = 256\n"),
    Workload(
      name: "gpt-cpu", summary: "4 layers, 4 heads, width 128, 12 texts of 64 tokens a rank",
      batch: 12, unit: .tokens, steps: 150,
      sections: text(context: 64) + adamW
        + "[model]\nkind = \"gpt\"\nlayers = 4\nheads = 4\nwidth = 128\n"),
    Workload(
      name: "gpt-baby", summary: "6 layers, 6 heads, width 384, 4 texts of 256 tokens a rank",
      batch: 4, unit: .tokens, steps: 30,
      sections: text(context: 256) + adamW
        + "[model]\nkind = \"gpt\"\nlayers = 6\nheads = 6\nwidth = 384\n"),
  ]

  public static func named(_ name: String) -> Workload? { all.first { $0.name == name } }

  private static let images = "[data]\nkind = \"fashion-mnist\"\nsamples = 8192\n"
  private static func text(context: Int) -> String {
    "[data]\nkind = \"random-text\"\ntokens = 1048576\nvocabulary = 96\ncontext = \(context)\n"
  }
  private static let momentum =
    "[optimizer]\nkind = \"momentum\"\nmomentum = 0.9\nlearning_rate = 0.05\n"
  private static let adamW = "[optimizer]\nkind = \"adamw\"\nlearning_rate = 0.001\n"
}
