import CProcess
import Glibc

/// The time on a clock that only goes forward, the same for all processes of a machine.
public func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Returns at a time of that clock, to within about a microsecond, or at once where it is past
/// already, and then returns false.
///
/// Sleeps through all but the last tenth of a millisecond, so that ranks that share a core do not
/// take it from each other.
@discardableResult
public func wait(until end: UInt64) -> Bool {
  let start = monotonicNanoseconds()
  if start > end { return false }
  if end > start + 200_000 {
    let early = end - 100_000
    var time = timespec(tv_sec: Int(early / 1_000_000_000), tv_nsec: Int(early % 1_000_000_000))
    while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
  }
  while monotonicNanoseconds() < end { sched_yield() }
  return true
}
