import Glibc

/// A thread besides the one that trains. It blocks all signals, so that these go where they are
/// looked for.
public final class BackgroundThread: Sendable {
  private let thread: pthread_t

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts it; it ends when `body` returns.
  public init(_ body: @escaping @Sendable () -> Void) {
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    // A thread starts with its maker's mask.
    pthread_sigmask(SIG_SETMASK, &all, &before)
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      {
        Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(Body(body)).toOpaque())
    pthread_sigmask(SIG_SETMASK, &before, nil)
    guard status == 0 else {
      fatalError("no thread can be started: \(String(cString: strerror(status)))")
    }
    self.thread = thread
  }

  /// Waits for its end; once.
  public func join() { pthread_join(thread, nil) }
}
