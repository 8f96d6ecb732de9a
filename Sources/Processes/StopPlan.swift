import Glibc

/// What is to be done about signals, in the coordinator and in each rank: a pure machine, driven by
/// events and a clock.
///
/// A job that trains is asked for a checkpoint and an end; where nothing is to be saved yet, it is
/// ended at once. A second request, a rank that stands still, or the end of the grace period ends
/// it by force.
public struct StopPlan: Sendable, Equatable {
  public enum Job: Sendable, Equatable {
    /// Nothing runs that would have to be ended first.
    case none
    /// Ranks that measure: there is nothing to save.
    case measuring
    case training
  }

  public enum Event: Sendable, Equatable {
    case signal(Int32)
    case began(Job)
    /// Every rank of the job takes signals from now on.
    case ready
    /// A step was made.
    case step
    /// A rank stands still.
    case stalled
    /// From now on something is saved with which a later command can go on.
    case resumable
    /// The job has nothing left to wait for, and does not end by itself.
    case abandoned
    case ended
    /// The time of the last ``Action/wait(_:)`` is over.
    case timer
  }

  public enum Action: Sendable, Equatable {
    /// Hand USR1 (a checkpoint) or USR2 (a checkpoint and an end) to the ranks.
    case ask(Int32)
    /// Continue ranks that are stopped by a signal, and report with ``Event/stalled`` one that
    /// stays so.
    case wake
    /// End the job: nothing is to be waited for.
    case end
    /// End by force what is left of it.
    case kill
    /// End this program; no job runs.
    case leave
    /// Send ``Event/timer`` after so many seconds.
    case wait(Double)
  }

  /// What was decided about the job, or about this program.
  public enum Outcome: Sendable, Equatable {
    case none
    /// A checkpoint and an end are asked for.
    case asked(by: Int32)
    /// Ended at once: nothing was to be saved.
    case interrupted(by: Int32)
    /// Ended without waiting for the checkpoint.
    case forced(Force)
  }

  public enum Force: Sendable, Equatable {
    case secondSignal
    case stalled
    case graceOver
  }

  /// Seconds that ranks have for their checkpoint.
  public var grace: Double
  public private(set) var outcome = Outcome.none

  /// The exit status of a program that was ended where nothing was to be saved: 128 + the signal's
  /// number, as of one that a signal kills, or 75 where a later command can go on with what was
  /// done before.
  public var exitStatus: Int32? {
    guard case .interrupted(let number) = outcome else { return nil }
    return isResumable ? 75 : 128 + number
  }

  private var isResumable = false

  private var job = Job.none
  private var isReady = false
  private var hasStepped = false
  private var isStalled = false
  /// USR1 and USR2 that no rank has been sent yet.
  private var kept: [Int32] = []
  private var deadline: Double?
  private var killTime: Double?

  /// A rank that stands still has so long to go on, and a job that is being ended has so long to be
  /// gone.
  public static let patience = 2.0

  public init(grace: Double = 30) { self.grace = grace }

  /// Takes in an event at a time in seconds, of any clock that never goes back.
  public mutating func take(_ event: Event, at now: Double) -> [Action] {
    switch event {
    case .signal(SIGUSR1): return ask(SIGUSR1, at: now)
    case .signal(let number): return stop(number, at: now)
    case .began(let job):
      (self.job, isReady, hasStepped, isStalled, killTime) = (job, false, false, false, nil)
      // A stop that came just before leaves it no time; a kept USR2 is for a job that trains.
      return outcome == .none
        ? (job == .measuring && kept.contains(SIGUSR2) ? interrupt(SIGUSR2, at: now) : [])
        : end(at: now)
    case .ready: return ready(at: now)
    case .step:
      (hasStepped, isStalled) = (true, false)
      return ready(at: now)
    case .stalled:
      isStalled = true
      guard case .asked = outcome else { return [] }
      deadline = min(deadline ?? .infinity, now + Self.patience)
      return wait(at: now)
    case .resumable:
      isResumable = true
      return []
    case .abandoned: return job == .none || killTime != nil ? [] : end(at: now)
    case .ended:
      (job, deadline, killTime) = (.none, nil, nil)
      return []
    case .timer: return timer(at: now)
    }
  }

  // MARK: Signals

  private mutating func ready(at now: Double) -> [Action] {
    isReady = true
    defer { kept = [] }
    return kept.flatMap {
      $0 == SIGUSR2 && outcome == .none ? requestStop(SIGUSR2, at: now) : [.ask($0)]
    }
  }

  private mutating func ask(_ number: Int32, at now: Double) -> [Action] {
    guard job == .training && isReady else {
      if job != .measuring && !kept.contains(number) { kept.append(number) }
      return []
    }
    return [.ask(number)]
  }

  private mutating func stop(_ number: Int32, at now: Double) -> [Action] {
    guard outcome == .none else { return insist(at: now) }
    switch job {
    case .training where hasStepped: return requestStop(number, at: now)
    // USR2 is a warning ahead of time: the first step is worth waiting for.
    case .training where number == SIGUSR2 && isReady: return requestStop(number, at: now)
    case .training where number == SIGUSR2, .none where number == SIGUSR2:
      if kept.contains(SIGUSR2) { return interrupt(number, at: now) }
      kept.append(SIGUSR2)
      return []
    default: return interrupt(number, at: now)
    }
  }

  private mutating func requestStop(_ number: Int32, at now: Double) -> [Action] {
    outcome = .asked(by: number)
    deadline = now + (isStalled ? min(Self.patience, grace) : grace)
    return [.wake, .ask(SIGUSR2)] + wait(at: now)
  }

  private mutating func interrupt(_ number: Int32, at now: Double) -> [Action] {
    outcome = .interrupted(by: number)
    return end(at: now)
  }

  private mutating func insist(at now: Double) -> [Action] {
    if case .asked = outcome { outcome = .forced(.secondSignal) }
    // The third does not wait.
    return killTime == nil ? end(at: now) : [.kill]
  }

  // MARK: Ends

  private mutating func end(at now: Double) -> [Action] {
    deadline = nil
    guard job != .none else { return [.leave] }
    killTime = now + Self.patience
    return [.end] + wait(at: now)
  }

  private mutating func timer(at now: Double) -> [Action] {
    if let killTime, now >= killTime { return [.kill, .wait(Self.patience)] }
    if let deadline, now >= deadline {
      outcome = .forced(isStalled ? .stalled : .graceOver)
      return end(at: now)
    }
    return wait(at: now)
  }

  private func wait(at now: Double) -> [Action] {
    guard let next = [deadline, killTime].compactMap({ $0 }).min() else { return [] }
    return [.wait(max(next - now, 0.01))]
  }
}
