import CProcess
import Dispatch
import Glibc
import Synchronization

/// A program that this one starts, whose output it reads as it comes.
///
/// The child has an empty input, no descriptor of this program's, signals as a new program has them
/// and a process group of its own: Ctrl-C at the terminal is for this program alone. Where the
/// task is cancelled, the group gets SIGTERM and, after 200 ms, SIGKILL.
public enum ChildProcess {
  /// How a child ended.
  public enum Ending: Sendable, Equatable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    public var description: String {
      switch self {
      case .exited(let status): "exit status \(status)"
      case .signalled(let signal): "signal \(signal)"
      }
    }
  }

  /// What a child printed, at most so much as was asked for, and how it ended.
  public struct Answer: Sendable {
    public var output: String
    public var errors: String
    public var ending: Ending
  }

  /// A program that could not be started.
  public struct StartError: Error, CustomStringConvertible {
    public let code: Int32
    public var description: String { String(cString: strerror(code)) }
  }

  /// Runs a program to its end, and hands on the bytes that it prints.
  ///
  /// What it leaves behind may hold its output open for ever, as a connection to a host that has
  /// lost its power does: that is not waited for, and what it prints after the program's end is lost.
  ///
  /// - Parameters:
  ///   - command: the program, looked for on the `PATH` where it is a bare name, and its arguments.
  ///   - environment: its variables; nil: this program's.
  ///   - began: is given the process's number before anything is read.
  ///   - output: takes what comes of its standard output, in order.
  ///   - errors: takes what comes of its standard error.
  /// - Throws: `StartError`.
  public static func run(
    _ command: [String], environment: [String: String]? = nil,
    began: @Sendable (Int32) async -> Void = { _ in },
    output: @escaping @Sendable ([UInt8]) async -> Void,
    errors: @escaping @Sendable ([UInt8]) async -> Void
  ) async throws -> Ending {
    let (standardOutput, standardErrors) = (try Pipe(), try Pipe())
    let number = try start(command, environment, standardOutput, standardErrors)
    standardOutput.closeWriting()
    standardErrors.closeWriting()
    let child = Running(number)
    return await withTaskCancellationHandler {
      await began(number)
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await standardOutput.read(untilEndOf: child, output) }
        group.addTask { await standardErrors.read(untilEndOf: child, errors) }
      }
      return await child.end()
    } onCancel: {
      child.stop()
    }
  }

  /// Runs a program to its end and keeps what it prints, at most `limit` bytes of its output and
  /// 65,536 of its errors.
  public static func answer(
    to command: [String], environment: [String: String]? = nil, limit: Int
  ) async throws -> Answer {
    let (output, errors) = (Kept(limit), Kept(1 << 16))
    let ending = try await run(
      command, environment: environment, output: { output.add($0) }, errors: { errors.add($0) })
    return Answer(output: output.text, errors: errors.text, ending: ending)
  }

  // MARK: Start

  private static func start(
    _ command: [String], _ environment: [String: String]?, _ output: Pipe, _ errors: Pipe
  ) throws(StartError) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output.writing, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, errors.writing, STDERR_FILENO)
    _ = cprocess_close_from(&actions, STDERR_FILENO + 1)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] =
      (environment ?? [:]).map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for word in words + variables { free(word) } }
    var process: pid_t = 0
    let error =
      environment == nil
      ? posix_spawnp(&process, command[0], &actions, &attributes, &words, environ)
      : posix_spawnp(&process, command[0], &actions, &attributes, &words, &variables)
    guard error == 0 else { throw StartError(code: error) }
    return process
  }

  /// Resumes once one of the descriptors can be read, or its other end is closed.
  fileprivate static func readable(_ descriptors: Int32...) async {
    await withCheckedContinuation { continuation in
      let group = DispatchGroup()
      let sources = descriptors.map { descriptor in
        group.enter()
        return DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
      }
      for source in sources {
        source.setEventHandler { for source in sources { source.cancel() } }
        // Only then does Dispatch no longer use the descriptor.
        source.setCancelHandler { group.leave() }
        source.resume()
      }
      group.notify(queue: queue) { continuation.resume() }
    }
  }

  fileprivate static let queue = DispatchQueue(label: "lockstep.child-process")
  /// From SIGTERM to SIGKILL.
  fileprivate static let grace = DispatchTimeInterval.milliseconds(200)

  // MARK: Parts

  /// What a child prints, on its way here.
  private final class Pipe: Sendable {
    private let reading: Int32
    private let ends: Mutex<Int32?>
    var writing: Int32 { ends.withLock { $0 ?? -1 } }

    init() throws(StartError) {
      var descriptors: [Int32] = [-1, -1]
      guard cprocess_pipe(&descriptors) == 0 else { throw StartError(code: errno) }
      reading = descriptors[0]
      _ = fcntl(reading, F_SETFL, O_NONBLOCK)
      ends = Mutex(descriptors[1])
    }

    func closeWriting() {
      ends.withLock { end in
        if let end { close(end) }
        end = nil
      }
    }

    /// Hands on what comes, until the last writer has closed its end, or the child is at its end
    /// and all is read that was there then.
    func read(
      untilEndOf child: Running, _ take: @Sendable ([UInt8]) async -> Void
    ) async {
      // What is there then is at most what a pipe can hold.
      var left = 1 << 20
      while left > 0 {
        if let descriptor = child.descriptor {
          await ChildProcess.readable(reading, descriptor)
        } else {
          await ChildProcess.readable(reading)
        }
        let isOver = child.isAtItsEnd
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
          repeat {
            count = Glibc.read(reading, buffer.baseAddress, buffer.count)
            failure = count < 0 ? errno : 0
          } while failure == EINTR
          count = max(0, count)
        }
        if bytes.isEmpty && (failure != EAGAIN || isOver) { return }
        if isOver { left -= bytes.count }
        if !bytes.isEmpty { await take(bytes) }
      }
    }

    deinit {
      closeWriting()
      close(reading)
    }
  }

  /// A child that has not been waited for, so that no other process has its number.
  private final class Running: Sendable {
    private let number: Int32
    /// Can be read once the child is at its end; nil where the kernel has no such thing (before
    /// Linux 5.3).
    let descriptor: Int32?
    private let isOver = Mutex(false)

    init(_ number: Int32) {
      self.number = number
      let descriptor = cprocess_descriptor(number)
      self.descriptor = descriptor < 0 ? nil : descriptor
    }

    /// Whether it has ended; false where that cannot be known before it is waited for.
    var isAtItsEnd: Bool {
      guard let descriptor else { return false }
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      return poll(&entry, 1, 0) > 0
    }

    /// Waits for its end.
    func end() async -> Ending {
      if let descriptor { await ChildProcess.readable(descriptor) }
      // The number of the group is the child's own until it is waited for.
      if Task.isCancelled {
        await withCheckedContinuation { continuation in
          ChildProcess.queue.asyncAfter(deadline: .now() + ChildProcess.grace) {
            continuation.resume()
          }
        }
        send(SIGKILL)
      } else if descriptor != nil {
        send(SIGTERM)
      }
      return isOver.withLock { isOver in
        var status: Int32 = 0
        while waitpid(number, &status, 0) < 0 && errno == EINTR {}
        isOver = true
        return status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .signalled(status & 0x7F)
      }
    }

    deinit { if let descriptor { close(descriptor) } }

    func stop() {
      send(SIGTERM)
      ChildProcess.queue.asyncAfter(deadline: .now() + ChildProcess.grace) { self.send(SIGKILL) }
    }

    private func send(_ signal: Int32) {
      isOver.withLock { if !$0 { kill(-number, signal) } }
    }
  }

  private final class Kept: Sendable {
    private let limit: Int
    private let bytes = Mutex<[UInt8]>([])

    init(_ limit: Int) { self.limit = limit }

    func add(_ more: [UInt8]) {
      bytes.withLock { $0 += more.prefix(limit - $0.count) }
    }

    var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
  }
}
