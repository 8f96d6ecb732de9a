import ExperimentKeys
import Reports
import Scaling

/// What a worker's command line says besides the experiment.
public struct RunOptions: Sendable {
  public var experiment: String
  public var overrides: [String]
  /// The run directory; nil for `runs/NAME`.
  public var output: String?
  public var resume: Bool
  public var force: Bool
  public var voice: ConsoleReporter.OutputFormat
  /// The id under which the coordinator holds the run directory's lock; nil where rank 0 takes it.
  public var runID: String?
  /// How often the coordinator has started this run again.
  public var restarts: Int
  /// Whether each rank notes each stage of each step (``Recording/StepTrace``).
  public var traces: Bool
  /// A cluster to be played on this machine.
  public var simulation: Simulation?
  /// Where training ends before its length; nil for nowhere.
  public var end: RunEnd?
  /// A fault to put in, for `lockstep verify` and its tests.
  public var fault: InjectedFault?
  /// The kinds that the experiment can name.
  public var registry: Registry

  public init(
    experiment: String, overrides: [String] = [], output: String? = nil, resume: Bool = false,
    force: Bool = false,
    voice: ConsoleReporter.OutputFormat = .lines, runID: String? = nil, restarts: Int = 0,
    traces: Bool = false,
    simulation: Simulation? = nil, end: RunEnd? = nil, fault: InjectedFault? = nil,
    registry: Registry = Registry()
  ) {
    self.experiment = experiment
    self.overrides = overrides
    self.output = output
    self.resume = resume
    self.force = force
    self.voice = voice
    self.runID = runID
    self.restarts = restarts
    self.traces = traces
    self.simulation = simulation
    self.end = end
    self.fault = fault
    self.registry = registry
  }
}
