import Glibc
import Processes
import Testing

/// The state machine that ends a job: each row is a history of events with their times, and the
/// actions after the last.
struct StopPlanTests {
  typealias Event = StopPlan.Event
  typealias Action = StopPlan.Action

  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let events: [(Double, Event)]
    let last: [Action]
    let outcome: StopPlan.Outcome
    var status: Int32?
    var testDescription: String { name }
  }

  static let training: [(Double, Event)] = [(0, .began(.training)), (1, .ready), (2, .step)]

  // D1, D2, D4, D5
  static let rows: [Row] = [
    Row(
      name: "TERM before anything runs ends the program", events: [(0, .signal(SIGTERM))],
      last: [.leave], outcome: .interrupted(by: SIGTERM), status: 143),
    Row(
      name: "USR1 before anything runs waits", events: [(0, .signal(SIGUSR1))], last: [],
      outcome: .none),
    Row(
      name: "USR1 from before mpirun is handed to ranks that are ready",
      events: [(0, .signal(SIGUSR1)), (1, .began(.training)), (2, .ready)],
      last: [.ask(SIGUSR1)], outcome: .none),
    Row(
      name: "USR1 while ranks start waits",
      events: [(0, .began(.training)), (1, .signal(SIGUSR1))], last: [], outcome: .none),
    Row(
      name: "USR1 in training is handed on", events: training + [(3, .signal(SIGUSR1))],
      last: [.ask(SIGUSR1)], outcome: .none),
    Row(
      name: "USR1 to ranks that measure is dropped",
      events: [(0, .began(.measuring)), (1, .signal(SIGUSR1))], last: [], outcome: .none),
    Row(
      name: "INT while ranks start ends them at once",
      events: [(0, .began(.training)), (1, .signal(SIGINT))], last: [.end, .wait(2)],
      outcome: .interrupted(by: SIGINT), status: 130),
    Row(
      name: "HUP before the first step ends them at once",
      events: [(0, .began(.training)), (1, .ready), (2, .signal(SIGHUP))],
      last: [.end, .wait(2)], outcome: .interrupted(by: SIGHUP), status: 129),
    Row(
      name: "TERM after a step asks for a checkpoint", events: training + [(3, .signal(SIGTERM))],
      last: [.wake, .ask(SIGUSR2), .wait(30)],
      outcome: .asked(by: SIGTERM)),
    Row(
      name: "USR2 while ranks start waits for them",
      events: [(0, .began(.training)), (1, .signal(SIGUSR2)), (2, .ready)],
      last: [.wake, .ask(SIGUSR2), .wait(30)], outcome: .asked(by: SIGUSR2)),
    Row(
      name: "USR2 before the first step still gets a checkpoint",
      events: [(0, .began(.training)), (1, .ready), (2, .signal(SIGUSR2))],
      last: [.wake, .ask(SIGUSR2), .wait(30)], outcome: .asked(by: SIGUSR2)),
    Row(
      name: "a second signal does not wait",
      events: training + [(3, .signal(SIGINT)), (4, .signal(SIGINT))], last: [.end, .wait(2)],
      outcome: .forced(.secondSignal)),
    Row(
      name: "a third does not even wait for mpirun",
      events: training + [(3, .signal(SIGINT)), (4, .signal(SIGINT)), (5, .signal(SIGTERM))],
      last: [.kill], outcome: .forced(.secondSignal)),
    Row(
      name: "what does not end is killed",
      events: training + [(3, .signal(SIGINT)), (4, .signal(SIGINT)), (6, .timer)],
      last: [.kill, .wait(2)], outcome: .forced(.secondSignal)),
    Row(
      name: "a rank that stays stopped has two seconds",
      events: training + [(3, .signal(SIGINT)), (4, .stalled)], last: [.wait(2)],
      outcome: .asked(by: SIGINT)),
    Row(
      name: "after them the job ends",
      events: training + [(3, .signal(SIGINT)), (4, .stalled), (6, .timer)],
      last: [.end, .wait(2)],
      outcome: .forced(.stalled)),
    Row(
      name: "a hang that was known before has two seconds",
      events: training + [(3, .stalled), (13, .signal(SIGTERM))],
      last: [.wake, .ask(SIGUSR2), .wait(2)], outcome: .asked(by: SIGTERM)),
    Row(
      name: "a hang that is over has the grace period",
      events: training + [(3, .stalled), (4, .step), (13, .signal(SIGTERM))],
      last: [.wake, .ask(SIGUSR2), .wait(30)], outcome: .asked(by: SIGTERM)),
    Row(
      name: "the grace period ends the job",
      events: training + [(3, .signal(SIGTERM)), (33, .timer)], last: [.end, .wait(2)],
      outcome: .forced(.graceOver)),
    Row(
      name: "a job with nothing left to wait for is ended",
      events: training + [(3, .abandoned)], last: [.end, .wait(2)], outcome: .none),
    Row(
      name: "and killed where that is not enough",
      events: training + [(3, .abandoned), (5, .timer)], last: [.kill, .wait(2)], outcome: .none),
    Row(
      name: "one that is being ended already stays so",
      events: training + [(3, .signal(SIGINT)), (4, .signal(SIGINT)), (5, .abandoned)], last: [],
      outcome: .forced(.secondSignal)),
    Row(
      name: "an early timer waits for the rest",
      events: training + [(3, .signal(SIGTERM)), (23, .timer)], last: [.wait(10)],
      outcome: .asked(by: SIGTERM)),
    Row(
      name: "TERM to ranks that measure ends them",
      events: [(0, .began(.measuring)), (1, .signal(SIGTERM))], last: [.end, .wait(2)],
      outcome: .interrupted(by: SIGTERM), status: 143),
    Row(
      name: "a job that starts after the stop ends at once",
      events: [(0, .signal(SIGTERM)), (1, .began(.training))], last: [.end, .wait(2)],
      outcome: .interrupted(by: SIGTERM), status: 143),
    Row(
      name: "between two starts there is something to go on with",
      events: training + [(3, .ended), (3, .resumable), (4, .signal(SIGTERM))], last: [.leave],
      outcome: .interrupted(by: SIGTERM), status: 75),
    Row(
      name: "no step of the second start yet, but checkpoints of the first",
      events: training + [
        (3, .ended), (3, .resumable), (4, .began(.training)), (5, .signal(SIGINT)),
      ], last: [.end, .wait(2)],
      outcome: .interrupted(by: SIGINT), status: 75),
  ]

  @Test(arguments: rows) func everyHistoryLeadsToItsActions(_ row: Row) {
    var plan = StopPlan(grace: 30)
    var last: [Action] = []
    for (time, event) in row.events { last = plan.take(event, at: time) }
    #expect(last == row.last)
    #expect(plan.outcome == row.outcome)
    #expect(plan.exitStatus == row.status)
  }

  /// From the second signal on, whatever else happens, the job is killed within its patience.
  @Test func twoSignalsAlwaysEndTheJob() {
    let events: [Event] = [
      .signal(SIGUSR1), .signal(SIGUSR2), .ready, .step, .stalled, .resumable, .abandoned, .timer,
    ]
    for first in [SIGTERM, SIGINT, SIGHUP, SIGUSR2] {
      for a in events {
        for b in events {
          for c in events {
            var plan = StopPlan(grace: 30)
            var actions = plan.take(.began(.training), at: 0)
            for (index, event) in [a, b, .signal(first), c, .signal(SIGTERM)].enumerated() {
              actions += plan.take(event, at: 0.1 * Double(index))
            }
            #expect(actions.contains(.end), "\(a), \(b), \(first), \(c)")
            actions = plan.take(.timer, at: 3.5)
            #expect(actions.first == .kill, "\(a), \(b), \(first), \(c)")
          }
        }
      }
    }
  }
}
