import ExperimentKeys

extension Experiment {
  /// Evaluations while training, on rows of the training set that are not trained on.
  public struct EvaluationChoice: Sendable, Equatable {
    /// The part of the training rows that is held out; 0 for none, and no evaluation before the end.
    public var split = 0.0
    /// Steps between evaluations; 0 for the run's end alone, nil for the end of each epoch.
    public var every: Int?
    /// Evaluations without a lower loss that end training; nil for any number.
    public var patience: Int?
    /// Whether the weights with the lowest loss are written.
    public var best = false
    /// The decay of a running mean of the weights; nil for none.
    public var average: Double?

    /// The defaults of an experiment file: nothing is held out.
    public init() {}
  }
}

extension Experiment.EvaluationChoice {
  /// What is held out where a key needs rows and none says how many.
  private static let usualSplit = 0.1

  init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    let wanted = "a fraction of at least 0 and below 1"
    let help =
      "the part of the training rows, drawn by the seed, that is held out for evaluations while training; an epoch is the others, and the test set is used once, at the end. Not set: none, or 0.1 where `every`, `patience` or `best` is given"
    let given = try keys.number(optional: "split", wanted: wanted, help) { $0 >= 0 && $0 < 1 }
    every = try keys.integer(
      optional: "every", in: 0...Int.max,
      "steps between evaluations of the rows held out, which the last step always has; 0 for that alone; not set: at the end of each epoch"
    )
    patience = try keys.integer(
      optional: "patience", in: 1...Int.max,
      "so many evaluations in a row without a lower loss on the rows held out end training")
    best = try keys.boolean(
      "best", default: false,
      "write the weights that had the lowest loss on the rows held out, `best.safetensors`")
    average = try keys.number(
      optional: "average", wanted: "a number above 0 and below 1",
      "decay d of a running mean of the weights, w̄ ← d·w̄ + (1 − d)·w after each step that is applied, from the weights of the first such step on (PyTorch's `AveragedModel`); it is evaluated next to the weights and written at the end, `average.safetensors`"
    ) { $0 > 0 && $0 < 1 }
    let needing = [("every", every != nil), ("patience", patience != nil), ("best", best)].first {
      $0.1
    }?.0
    if let needing, given == 0 {
      throw keys.error(
        needing,
        "evaluation.split is 0, so that nothing is held out to evaluate: leave it out for a tenth of the training rows"
      )
    }
    split = given ?? 0
    if given == nil, needing != nil {
      split = try keys.number("split", default: Self.usualSplit, wanted: wanted, help) {
        $0 >= 0 && $0 < 1
      }
    }
  }
}
