import GradientReduction
import MPI
import StallWatch

extension StallWatch {
  /// Has the watchers of the other hosts report to rank 0's. Collective; two small broadcasts, once
  /// a run.
  public static func link(on world: borrowing Communicator) throws {
    let text = try world.broadcast(world.rank == 0 ? invitation : "")
    if world.rank > 0 { accept(invitation: text) }
  }
}
