import Recording
import Reports

extension Claim {
  /// Four faults, each of which an alarm is to be put down to.
  static let incidents = Claim(
    name: "incidents",
    statement:
      "The gradient of a share has the same bits on every rank, so that computing it again shows what made a norm spike: samples, a rank, the sum, or the rate.",
    source:
      "Hochschild et al. 2021, Cores that don't count, HotOS; Megatron-Core's rerun state machine",
    expected:
      "every fault raises an alarm, whose cause is right, and whose rank where one rank is at fault; none without a fault",
    experiment: "incidents.toml",
    runs: seeds.flatMap { seed in
      [PlannedRun("no fault, seed \(seed)", ["seed=\(seed)"], ranks: ranks)]
        + SpoiltStep.allCases.map {
          PlannedRun(
            "\($0.rawValue), seed \(seed)", ["seed=\(seed)"], ranks: ranks, fault: $0.fault(seed))
        }
    },
    seconds: 25,
    judge: { runs in
      let sound = runs.all("no fault")
      let found = SpoiltStep.allCases.map { step in
        (
          step: step,
          first: zip(seeds, runs.all(step.rawValue)).map { seed, run in
            (incident: run.incidents.first, isRight: step.isNamed(by: run.incidents.first, seed))
          }
        )
      }
      let right = found.flatMap { $0.first }.count(where: \.isRight)
      let falseAlarms = sound.reduce(0) { $0 + $1.incidents.count }
      return Finding(
        table: [["fault", "expected", "alarms", "right", "found with seed 1"]]
          + [["none", "–", "\(falseAlarms)", "–", "–"]]
          + found.map { row in
            let alarms = row.first.count { $0.incident != nil }
            return [
              row.step.rawValue, row.step.cause.rawValue, "\(alarms)/\(seeds.count)",
              "\(row.first.count(where: \.isRight))/\(seeds.count)",
              row.first.first?.incident?.text ?? "–",
            ]
          },
        measured:
          "\(right) of \(seeds.count * SpoiltStep.allCases.count) faults raise an alarm with the right cause and rank; \(falseAlarms) alarms without a fault",
        holds: right == seeds.count * SpoiltStep.allCases.count && falseAlarms == 0)
    })

  private static let seeds = Array(1...3)
  /// A third rank shows which of two that differ is right.
  fileprivate static let ranks = 3
}

/// What is wrong with one step of a run of `incidents.toml`.
private enum SpoiltStep: String, CaseIterable, Sendable {
  case samples = "three broken samples"
  case gradient = "a bit of a gradient"
  case sum = "a bit of the sum"
  case rate = "rate too high"

  var cause: IncidentRecord.Cause {
    switch self {
    case .samples: .data
    case .gradient, .sum: .transient
    case .rate: .learningRate
    }
  }

  /// As the worker puts it in: other steps and ranks with each seed.
  func fault(_ seed: Int) -> String {
    switch self {
    case .samples: "inputs:0:\(step(seed)):3"
    case .gradient: "gradient:\(rank(seed)):\(step(seed)):30"
    case .sum: "exchange:\(rank(seed)):\(step(seed)):30"
    case .rate: "rate:0:\(step(seed)):3000"
    }
  }

  private func step(_ seed: Int) -> Int { 90 + seed }
  private func rank(_ seed: Int) -> Int { seed % Claim.ranks }

  /// Whether an alarm is of this fault: of its step, or the next where the weights are wrong after
  /// it, with the cause, and the rank where a rank's gradient is.
  func isNamed(by incident: IncidentRecord?, _ seed: Int) -> Bool {
    guard let incident, incident.cause == cause,
      incident.step == step(seed) + (self == .rate ? 1 : 0)
    else { return false }
    switch self {
    case .samples: return incident.samples.count == 3
    case .gradient: return incident.rank == rank(seed)
    case .sum: return incident.kind == .corruptedReduction && incident.rank == nil
    case .rate: return incident.rank == nil
    }
  }
}
