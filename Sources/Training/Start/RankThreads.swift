import ExperimentKeys
import MPI
import Processes
import Scaling

/// With how many threads each rank of a job computes.
package struct RankThreads: Sendable, Equatable {
  package let number: Int
  /// Why there are so many, in one line; nil where the number was given.
  package let note: String?

  /// Collective where it is `auto`: then the cores of each machine that its ranks may use are divided
  /// among them, and all ranks have the smallest number that results.
  package init(_ asked: ThreadCount, on world: borrowing Communicator) throws {
    if let number = asked.number {
      (self.number, note) = (number, nil)
      return
    }
    let machine = SmallFiles.text("/proc/sys/kernel/random/boot_id") ?? hostName()
    // A word for the machine, and one for each core.
    let own = ([machine] + AllowedCores.names().sorted()).joined(separator: " ")
    let places = try world.allGatherTexts(own).map { $0.split(separator: " ").map(String.init) }
    let here = places.filter { $0.first == machine }
    // Ranks that are bound have cores each; others have the same ones.
    let cores = Set(here.flatMap { $0.dropFirst() })
    let division = CoreDivision(
      [
        CoreDivision.Host(
          cores: AllowedCores.limited(cores.count), numaNodes: AllowedCores.numaNodes(),
          cacheDomains: AllowedCores.cacheDomains())
      ], ranks: max(1, here.count), threads: nil)
    number = try world.allReduce(division.threads, .minimum)
    let isLeast = division.threads == number
    note =
      "training.threads = auto: \(number) a rank ("
      + (isLeast ? "\(division.reason ?? "")" : "another machine has no more cores a rank") + ")"
  }
}
