import Configuration
import Foundation
import GradientNorms
import RankTesting
import Testing
import Training

/// A state whose numbers were changed, with a new digest: it is refused whatever the number, and
/// never trained from. // E4
@Suite struct HostileStateTests {
  private static let experiment = """
    [model]
    kind = "logistic"
    [data]
    kind = "blobs"
    samples = 40
    [training]
    global_batch = 8
    steps = 4
    [schedule]
    kind = "plateau-on-norm"
    [evaluation]
    every = 1
    patience = 100
    best = true
    average = 0.9
    [checkpoint]
    every = 2
    """

  /// Every whole number of a JSON value: its path, and a function that replaces it.
  private func counts(_ value: Any, _ path: [Any] = []) -> [[Any]] {
    switch value {
    case let object as [String: Any]:
      object.keys.sorted().flatMap { counts(object[$0]!, path + [$0]) }
    case let items as [Any]: items.indices.flatMap { counts(items[$0], path + [$0]) }
    case let number as NSNumber where "\(number)".wholeMatch(of: /-?[0-9]+/) != nil: [path]
    default: []
    }
  }

  private func replaced(_ value: Any, _ path: ArraySlice<Any>, by number: Int) -> Any {
    guard let first = path.first else { return number }
    if var object = value as? [String: Any], let key = first as? String {
      object[key] = replaced(object[key]!, path.dropFirst(), by: number)
      return object
    }
    var items = value as! [Any]
    let index = first as! Int
    items[index] = replaced(items[index], path.dropFirst(), by: number)
    return items
  }

  private func sealed(_ state: Any) throws -> [UInt8] {
    CheckpointState.sealed(
      [UInt8](
        try JSONSerialization.data(withJSONObject: state, options: [.prettyPrinted, .sortedKeys])))
  }

  @Test func noCountOfAStateIsUsedUnchecked() throws {
    let folder = TemporaryFolder()
    let file = folder.write(Self.experiment, to: "x.toml")
    func train(_ more: String...) throws -> Outcome {
      try Programs.mpirun(
        1, [file, "--output", "\(folder.path)/run"] + more, program: "lockstep-worker")
    }
    #expect(try train("--set", "checkpoint.keep=1").status == 0)
    let place = "run/checkpoints/step-00000004/state.json"
    var state = try #require(try folder.json(place) as? [String: Any])
    state["sha256"] = nil
    let whole = try #require(CheckpointState(text: try sealed(state)))
    #expect(whole.impossibility(sampleCount: 40, tensors: 2, clip: NoClip()) == nil)

    // A count that no run can reach is refused; a measured value may be any number.
    var refused: Set<String> = []
    for path in counts(state) {
      for number in [Int.max, -1] {
        let changed = try sealed(replaced(state, path[...], by: number))
        guard let read = CheckpointState(text: changed),
          read.impossibility(sampleCount: 40, tensors: 2, clip: NoClip()) == nil
        else {
          refused.insert(path.map { "\($0)" }.joined(separator: "."))
          continue
        }
      }
    }
    for name in [
      "step", "trainer.optimizer.state.steps", "global_batch", "trainer.batch.state",
      "trainer.cursor.epoch", "trainer.cursor.position", "history.steps",
    ] {
      #expect(refused.contains(name), "\(name) of \(refused.sorted())")
    }
    #expect(!refused.contains("seed"))

    for number in [Int.max, -1] {
      try Data(try sealed(replaced(state, ["trainer", "optimizer", "state", "steps"], by: number)))
        .write(to: URL(filePath: "\(folder.path)/\(place)"))
      let outcome = try train("--resume", "--set", "training.steps=6")
      #expect(outcome.status == 65, "\(outcome.errors)")
      #expect(
        outcome.rankLines.count == 1 && outcome.errors.contains("step-00000004/state.json: says "),
        "\(outcome.errors)")
    }
  }
}
