import CEarlySignals
import Configuration
import ExperimentKeys
import Glibc
import MPI
import Recording
import Reports
import StallWatch

/// The program that mpirun starts as each rank.
///
/// A package's own worker is this with further kinds:
/// ```swift
/// @main struct Main {
///   static func main() { LockstepWorker.main { $0.register(SpiralNet.self) } }
/// }
/// ```
/// `lockstep run spiral.toml -n 4 --worker .build/release/my-worker` launches it, and so do
/// `mpirun -n 4 my-worker spiral.toml` and every other command that takes `--worker`.
public enum LockstepWorker {
  /// Does what the command line says and ends the process.
  ///
  /// `register` adds kinds that experiments may name, besides those that come with Lockstep. It is
  /// called once, before anything is read.
  public static func main(_ register: (inout Registry) -> Void = { _ in }) -> Never {
    // A watcher of stalls is this program too; its arguments are not a user's.
    StallWatch.runIfAsked()
    var registry = Registry()
    register(&registry)
    let arguments = CommandLine.arguments.dropFirst()
    if ["--keys", "--mpi", "--describe", "--sample"].contains(arguments.first) { admitSignals() }
    switch arguments.first {
    case "--keys":
      print(JSONText(of: KeyList(Experiment.keyDeclarations(registry: registry))).string)
      exit(0)
    case "--mpi":
      print(JSONText(of: WorkerMPI(mpi: mpiLibraryVersion(), library: mpiLibraryFile())).string)
      exit(0)
    case "--describe": DescribeTask.run(Array(arguments.dropFirst()), registry)
    case "--predict": PredictTask.run(Array(arguments.dropFirst()), registry)
    case "--sample": SampleTask.run(Array(arguments.dropFirst()), registry)
    default: WorkerCommand.run(Array(arguments), registry)
    }
  }

  /// Lets signals end this process, where it is no rank: they were blocked before `main`.
  private static func admitSignals() {
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
  }
}
