import Dispatch
import Glibc
import Synchronization

/// The write end of the pipe that carries signal numbers out of the handler; set once, before any handler is installed.
private nonisolated(unsafe) var signalPipe: Int32 = -1

/// INT, TERM, HUP and USR1 as a stream of numbers, instead of their default effect.
///
/// The handler writes one byte to a pipe, which is all that a handler may safely do. Handlers, unlike ignored signals, are not inherited by
/// the programs started later.
struct SignalStream {
  let numbers: AsyncStream<Int32>
  private let source: any DispatchSourceRead

  init() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { fatalError("cannot make a pipe for signals: errno \(errno)") }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    signalPipe = ends[1]
    let (numbers, continuation) = AsyncStream.makeStream(of: Int32.self)
    let readEnd = ends[0]
    source = DispatchSource.makeReadSource(fileDescriptor: readEnd, queue: .global())
    source.setEventHandler {
      var number: UInt8 = 0
      while read(readEnd, &number, 1) == 1 { continuation.yield(Int32(number)) }
    }
    source.activate()
    self.numbers = numbers
    for number in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] {
      signal(number) { number in
        let saved = errno
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(signalPipe, &byte, 1)
        errno = saved
      }
    }
  }
}
