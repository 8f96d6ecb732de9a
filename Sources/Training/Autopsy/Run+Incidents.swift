import GradientNorms
import GradientReduction
import MPI
import Recording
import Reports

extension Run {
  /// Writes down what caused an alarm. Weights or state that a fault has changed end the run here,
  /// before a checkpoint of them is written. Collective.
  func record(_ incident: Incident, on world: borrowing Communicator) throws {
    var found = incident.record
    found.host = found.rank.map { hosts[$0] }
    try world.succeedOnAllRanks {
      guard world.rank == 0, lock != nil else { return }
      try recording { try directory.append(incident: found) }
    }
    if incident.ending == .atOnce { try end(for: incident, on: world) }
  }

  /// Ends the run on all ranks, with what is to be done.
  func end(for incident: Incident, on world: borrowing Communicator) throws {
    let text = incident.record.sentence(hosts: hosts)
    let advice =
      switch incident.ending {
      case .atOnce: "go on from an earlier checkpoint (--resume), and look at that machine"
      case .afterCheckpoint, nil:
        "a checkpoint is written: go on from it (--resume) without that host"
      }
    try world.succeedOnAllRanks { () throws -> Void in
      throw RunFailure(.workerFailed, "\(text); \(advice)")
    }
  }
}
