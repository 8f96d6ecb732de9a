import Configuration
import Data
import GradientNorms
import GradientReduction
import MPI
import Recording
import Reports
import Training
import Vectors

/// The models whose alarms are looked into, each with an optimiser.
private let models: [(name: String, text: String)] = [
  ("mlp momentum", "[model]\nkind = \"mlp\"\nhidden = [12, 8]\n[optimizer]\nkind = \"momentum\"\n"),
  ("mlp adamw", "[model]\nkind = \"mlp\"\nhidden = [12]\n[optimizer]\nkind = \"adamw\"\n"),
  (
    "residual lion",
    """
    [model]
    kind = "network"
    layers = [
      { kind = "dense", width = 12 }, { kind = "layer-norm" },
      { kind = "residual", layers = [{ kind = "silu" }, { kind = "dense", width = 12 }] },
      { kind = "dense", width = "classes" },
    ]
    [optimizer]
    kind = "lion"
    learning_rate = 0.001

    """
  ),
  (
    "dropout adamw",
    """
    [model]
    kind = "network"
    layers = [
      { kind = "dense", width = 16, activation = "tanh" }, { kind = "dropout", rate = 0.1 },
      { kind = "dense", width = "classes" },
    ]
    [optimizer]
    kind = "adamw"

    """
  ),
]

private let modes: [(name: String, keys: [String])] = [
  ("reproducible", ["training.reproducible=true"]),
  ("shared", ["training.exchange=shared", "training.gradient=sharded"]),
  ("messages", ["training.exchange=messages", "training.gradient=replicated"]),
]

private func alarmed(_ model: String, _ keys: [String]) throws -> Experiment {
  try Experiment(
    text: model + """
      [data]
      kind = "blobs"
      samples = 900
      classes = 4
      dimensions = 6
      [training]
      global_batch = 24
      micro_batch = 4
      steps = 100000
      [guard]
      spike = 6.0
      """, source: "autopsy", overrides: keys)
}

/// One injected fault, what it should be taken for, and by which rank.
private struct Injection {
  let what: String
  let fault: String
  let cause: IncidentRecord.Cause
  let rank: Int?
  /// Whether weights or state are spoilt after it.
  let spoils: Bool
}

/// What came of the injections of one kind.
private struct Tally {
  var made = 0, alarms = 0, right = 0, wrongRanks = 0
}

/// Faults of every kind, put in after 34 sound steps, at 2, 3 and 4 ranks: how many of the alarms
/// that they raise are put down to the right cause and rank. Prints a line a kind.
let autopsyProgram = RankProgram("autopsy") { world, _ in
  var tallies: [String: Tally] = [:]
  var wrong: [String] = []
  var random = RandomStream(7, 11)
  func injections(ranks: Int) -> [Injection] {
    func rank() -> Int { Int(random.integer(below: UInt64(ranks))) }
    func bit() -> Int { 20 + Int(random.integer(below: 11)) }
    let (first, second, third, fourth) = (rank(), rank(), rank(), rank())
    return [
      Injection(
        what: "few samples", fault: "inputs:0:1:2", cause: .data, rank: nil, spoils: false),
      Injection(
        what: "all samples", fault: "inputs:0:1:24", cause: .data, rank: nil, spoils: false),
      Injection(
        what: "transient", fault: "gradient:\(first):1:\(bit())", cause: .transient,
        rank: first, spoils: false),
      Injection(
        what: "transient", fault: "gradient:\(second):1:30", cause: .transient,
        rank: second, spoils: false),
      Injection(
        what: "persistent", fault: "gradient:\(third):1-2:\(bit())",
        cause: .persistent, rank: third, spoils: false),
      Injection(
        what: "persistent", fault: "scale:\(fourth):1-2:100",
        cause: .persistent, rank: fourth, spoils: false),
      Injection(
        what: "reduction", fault: "exchange:\(first):1:\(bit())", cause: .transient,
        rank: nil, spoils: false),
      Injection(
        what: "reduction", fault: "exchange:\(second):1:30", cause: .transient, rank: nil,
        spoils: false),
      Injection(
        what: "moment", fault: "moment:\(third):1:30", cause: .optimizerState,
        rank: third, spoils: true),
      Injection(
        what: "moment", fault: "moment:\(fourth):1:30", cause: .optimizerState,
        rank: fourth, spoils: true),
      Injection(
        what: "moment", fault: "moment:\(first):1:30", cause: .optimizerState,
        rank: first, spoils: true),
      Injection(
        what: "rate", fault: "rate:0:1:3000", cause: .learningRate, rank: nil, spoils: true),
    ]
  }
  for ranks in 2...4 {
    for (index, model) in models.enumerated() {
      for mode in [modes[0], modes[1 + (index + ranks) % 2]] {
        let all = injections(ranks: ranks)
        let place = "\(model.name), \(mode.name), \(ranks) ranks"
        try onRanks([ranks], of: world) { part in
          let groups = [all.filter { !$0.spoils }] + all.filter(\.spoils).map { [$0] }
          for (number, group) in groups.enumerated() {
            let made = try alarmed(model.text, mode.keys)
            let trainer = try Trainer(
              made, data: TrainingData(made.data, seed: 1, on: part), on: part)
            // Which element is hit is a function of step and rank.
            for _ in 0..<34 + number {
              let outcome = try trainer.step(on: part)
              try expect(outcome.incident == nil, "\(place): \(outcome.incident!.record)")
            }
            for injection in group {
              let found = try incident(of: injection, trainer, on: part)
              tallies[injection.what, default: Tally()].made += 1
              guard let found else { continue }
              tallies[injection.what]!.alarms += 1
              if found.cause == injection.cause {
                tallies[injection.what]!.right += 1
                if let rank = injection.rank, found.rank != rank {
                  tallies[injection.what]!.wrongRanks += 1
                  wrong.append("\(place): \(injection.fault): \(found)")
                }
              } else {
                wrong.append("\(place): \(injection.fault): \(found)")
              }
            }
          }
        }
      }
    }
  }
  // Rank 0 takes part in all.
  try world.succeedOnAllRanks {
    guard world.rank == 0 else { return }
    var (made, alarms, right, wrongRanks) = (0, 0, 0, 0)
    for (what, tally) in tallies.sorted(by: { $0.key < $1.key }) {
      print(
        "autopsy \(what): \(tally.made) injected, \(tally.alarms) alarms, \(tally.right) right causes, \(tally.wrongRanks) wrong ranks"
      )
      made += tally.made
      alarms += tally.alarms
      right += tally.right
      wrongRanks += tally.wrongRanks
    }
    print("autopsy: \(made) injected, \(alarms) alarms, \(right) right causes")
    for line in wrong { print("  \(line)") }
    try expect(made >= 240, "only \(made) injections")
    for (what, tally) in tallies {
      try expect(tally.alarms >= 5, "\(what): only \(tally.alarms) alarms")
    }
    try expect(
      Double(right) >= 0.95 * Double(alarms), "\(right) of \(alarms) alarms have the right cause")
    try expect(wrongRanks == 0, "\(wrongRanks) times another rank is named")
  }
}

/// Puts a fault into the next step, and gives what was found within ten steps; nil where nothing
/// raised an alarm.
private func incident(
  of injection: Injection, _ trainer: Trainer, on part: borrowing Communicator
) throws -> IncidentRecord? {
  guard let fault = InjectedFault(injection.fault) else {
    throw CheckFailure(description: "\(injection.fault) is no fault")
  }
  var moved = fault
  let step = trainer.stepsDone + 1
  moved.steps = step...step + fault.steps.count - 1
  trainer.faults = moved.faults(rank: part.rank)
  defer { trainer.faults = Faults() }
  for _ in 0..<(injection.spoils ? 10 : 1) {
    if let incident = try trainer.step(on: part).incident { return incident.record }
  }
  return nil
}

/// Ten thousand sound steps, with replays on other ranks in between: none is taken for a fault of
/// the machine.
let autopsyCleanProgram = RankProgram("autopsy-clean") { world, _ in
  var incidents: [IncidentRecord.Cause: Int] = [:]
  var steps = 0
  for (model, mode) in zip(models, [modes[0], modes[1], modes[2], modes[0]]) {
    let made = try alarmed(model.text, mode.keys + ["guard.replay_every=25"])
    let trainer = try Trainer(made, data: TrainingData(made.data, seed: 1, on: world), on: world)
    for _ in 0..<2500 {
      steps += 1
      guard let incident = try trainer.step(on: world).incident else { continue }
      incidents[incident.record.cause, default: 0] += 1
      let isOfData = incident.record.kind == .spike && incident.record.cause == .data
      try expect(isOfData, "\(model.name), \(mode.name): \(incident.record)")
    }
  }
  if world.rank == 0 { print("autopsy: \(steps) sound steps, incidents \(incidents)") }
}

/// Faults too small to raise an alarm: replays on other ranks find them, and name the rank.
let autopsySilentProgram = RankProgram("autopsy-silent") { world, _ in
  for ranks in 2...4 {
    try onRanks([ranks], of: world) { part in
      for mode in modes {
        for cause in [IncidentRecord.Cause.transient, .persistent] {
          let made = try alarmed(models[0].text, mode.keys + ["guard.replay_every=5"])
          let trainer = try Trainer(
            made, data: TrainingData(made.data, seed: 1, on: part), on: part)
          var isDone = false
          let rank = part.rank
          trainer.faults.changeGradient = { gradient, step in
            guard step == 15, rank == 1, cause == .persistent || !isDone else { return }
            isDone = true
            let last = gradient.layout.segments.last!.range.lowerBound
            var elements = gradient.mutableElements
            elements[last] = Float(bitPattern: elements[last].bitPattern ^ 1 << 9)
          }
          for step in 1...15 {
            let outcome = try trainer.step(on: part)
            guard step == 15 else {
              try expect(outcome.incident == nil, "\(String(describing: outcome.incident))")
              continue
            }
            let found = outcome.incident?.record
            try expect(
              outcome.decision.isSkip && found?.kind == .divergence && found?.cause == cause
                && (found?.rank == 1 || ranks == 2 && cause == .persistent),
              "\(ranks) ranks, \(mode.name), \(cause): \(String(describing: found))")
          }
        }
      }
    }
  }
}
