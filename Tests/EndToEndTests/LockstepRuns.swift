import RankTesting

extension TemporaryFolder {
  /// Starts the coordinator.
  func lockstep(_ arguments: [String]) throws -> RunningProgram {
    try RunningProgram(Programs.path("lockstep"), arguments)
  }

  /// A small network on Fashion-MNIST.
  func experiment(steps: Int) -> String {
    write(
      """
      name = "small"
      [model]
      hidden = [32]
      [training]
      global_batch = 128
      steps = \(steps)
      [optimizer]
      kind = "momentum"
      learning_rate = 0.1
      [clip]
      rule = "global"
      """, to: "small.toml")
  }

  /// A logistic regression on blobs, with further sections or keys of its last one.
  func logistic(steps: Int, _ more: String = "") -> String {
    write(
      """
      [model]
      kind = "logistic"
      [data]
      kind = "blobs"
      samples = 1000
      [training]
      global_batch = 32
      steps = \(steps)
      [report]
      tensorboard = false
      \(more)
      """, to: "x.toml")
  }
}
