import CProcess
import Glibc
import Synchronization

/// Answers `GET /metrics` over HTTP with the text that was last published, from one thread of its
/// own.
///
/// Sockets do not block, a client has five seconds and a request is at most 8 KB long. Of more
/// clients than can be served at a time the oldest one that has not sent its request has to go, and
/// while no descriptor is free new ones wait: nothing a client sends, or does not send, delays the
/// others or the job.
public final class MetricsServer: Sendable {
  public let host: String
  /// The port it listens on: the one that was asked for, or a free one for port 0.
  public let port: Int
  private let shared: Shared
  private let wake: Int32

  /// What the thread and its owner both know.
  private final class Shared: Sendable {
    let text = Mutex("")
  }

  private static let clients = 32
  private static let requestLimit = 8192
  private static let patience = 5.0
  /// Seconds without a new client after one could not be accepted.
  private static let pause = 0.1

  /// The address to listen on.
  /// - Throws: one line where it is none.
  public static func address(host: String, port: Int) throws(LaunchError) -> sockaddr_in {
    guard (0...65535).contains(port) else {
      throw LaunchError("--metrics-port \(port): give a port from 0 to 65535")
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
      throw LaunchError(
        "--metrics-host \(host): give an IPv4 address, such as 127.0.0.1 or 0.0.0.0")
    }
    return address
  }

  /// - Throws: one line where the address is none, or the port is taken or forbidden.
  public init(host: String, port: Int) throws(LaunchError) {
    var address = try Self.address(host: host, port: port)
    let listener = socket(
      AF_INET,
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard listener >= 0 else {
      throw LaunchError("--metrics-port \(port): no socket: \(String(cString: strerror(errno)))")
    }
    var on: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 64) == 0
      }
    }
    guard bound else {
      let code = errno
      close(listener)
      let advice =
        code == EADDRINUSE
        ? "another program listens there; give another port, or 0 for a free one"
        : String(cString: strerror(code))
      throw LaunchError("--metrics-port \(port) on \(host): \(advice)")
    }
    _ = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
    }
    self.host = host
    self.port = Int(in_port_t(bigEndian: address.sin_port))
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else {
      close(listener)
      throw LaunchError("--metrics-port \(port): no pipe: \(String(cString: strerror(errno)))")
    }
    for end in ends { Self.keepToItself(end) }
    wake = ends[1]
    let shared = Shared()
    self.shared = shared
    Self.startThread(Service(listener: listener, wake: ends[0]) { shared.text.withLock { $0 } })
  }

  deinit { close(wake) }

  /// A descriptor that does not block and that no program started later inherits.
  private static func keepToItself(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  /// What the next scrape gets.
  public func publish(_ text: String) { shared.text.withLock { $0 = text } }

  /// Runs the service on a thread that no signal interrupts.
  private static func startThread(_ service: Service) {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    var thread = pthread_t()
    let context = Unmanaged.passRetained(service).toOpaque()
    let code = pthread_create(
      &thread, nil,
      { context in
        let service = Unmanaged<Service>.fromOpaque(context!).takeRetainedValue()
        service.run()
        return nil
      }, context)
    if code == 0 {
      pthread_detach(thread)
    } else {
      Unmanaged<Service>.fromOpaque(context).release()
    }
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }

  /// The thread's own: the sockets and how far each client has come.
  private final class Service {
    private let listener: Int32
    private let wake: Int32
    private let text: () -> String
    /// In the order in which they came.
    private var connections: [Connection] = []
    /// When the listener is looked at again.
    private var resumesAt = 0.0

    private struct Connection {
      let socket: Int32
      let deadline: Double
      var request: [UInt8] = []
      var answer: [UInt8] = []
      var sent = 0
      var isDone = false
    }

    init(listener: Int32, wake: Int32, text: @escaping () -> String) {
      (self.listener, self.wake, self.text) = (listener, wake, text)
    }

    deinit {
      for connection in connections { close(connection.socket) }
      close(listener)
      close(wake)
    }

    /// Until the server is gone, which closes the other end of the pipe.
    func run() {
      while true {
        // A listener that is not polled keeps its clients waiting in the kernel's queue.
        let accepts = resumesAt < Self.now
        var polled = [
          pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
          pollfd(fd: accepts ? listener : -1, events: Int16(POLLIN), revents: 0),
        ]
        polled += connections.map {
          pollfd(fd: $0.socket, events: Int16($0.answer.isEmpty ? POLLIN : POLLOUT), revents: 0)
        }
        let limit = accepts ? (connections.isEmpty ? -1 : 500) : Int32(MetricsServer.pause * 1000)
        let ready = poll(&polled, nfds_t(polled.count), limit)
        if ready < 0 && errno != EINTR { return }
        if polled[0].revents != 0 { return }
        if ready > 0 {
          for index in connections.indices where polled[index + 2].revents != 0 {
            advance(&connections[index])
          }
          if polled[1].revents != 0 { accept() }
        }
        let now = Self.now
        for connection in connections where connection.isDone || connection.deadline < now {
          close(connection.socket)
        }
        connections.removeAll { $0.isDone || $0.deadline < now }
      }
    }

    private func accept() {
      let socket = Glibc.accept(listener, nil, nil)
      guard socket >= 0 else {
        // Where descriptors or memory are short the client stays in the queue, and the listener
        // would be ready at once again.
        if ![EAGAIN, EINTR, ECONNABORTED].contains(errno) {
          resumesAt = Self.now + MetricsServer.pause
        }
        return
      }
      MetricsServer.keepToItself(socket)
      if connections.count == MetricsServer.clients {
        let oldest = connections.firstIndex { $0.answer.isEmpty } ?? 0
        close(connections[oldest].socket)
        connections.remove(at: oldest)
      }
      connections.append(Connection(socket: socket, deadline: Self.now + MetricsServer.patience))
    }

    /// Reads what there is of a request, or sends what fits of the answer.
    private func advance(_ connection: inout Connection) {
      if connection.answer.isEmpty {
        var buffer = [UInt8](repeating: 0, count: 2048)
        let count = recv(connection.socket, &buffer, buffer.count, 0)
        if count <= 0 {
          connection.isDone = count == 0 || (errno != EAGAIN && errno != EINTR)
          return
        }
        connection.request += buffer[..<count]
        guard let answer = answer(to: connection.request) else { return }
        connection.answer = answer
      }
      let (socket, sent) = (connection.socket, connection.sent)
      let count = connection.answer.withUnsafeBytes {
        send(socket, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0 {
        connection.isDone = errno != EAGAIN && errno != EINTR
        return
      }
      connection.sent += count
      guard connection.sent == connection.answer.count else { return }
      // What the client has still sent is read away: closing over it would take the answer back.
      shutdown(socket, Int32(SHUT_WR))
      var rest = [UInt8](repeating: 0, count: 2048)
      while recv(socket, &rest, rest.count, 0) > 0 {}
      connection.isDone = true
    }

    /// The answer to a request whose head is whole, or that cannot become one; nil while more must
    /// come.
    private func answer(to request: [UInt8]) -> [UInt8]? {
      let head = String(decoding: request, as: UTF8.self)
      guard head.contains("\r\n\r\n") || head.contains("\n\n") else {
        return request.count > MetricsServer.requestLimit
          ? Self.response("431 Request Header Fields Too Large", "the request is too long\n") : nil
      }
      let words = head.prefix { $0 != "\r\n" && $0 != "\n" && $0 != "\r" }.split(
        separator: " ", omittingEmptySubsequences: false)
      guard words.count == 3, words[2].hasPrefix("HTTP/1."), words[1].hasPrefix("/") else {
        return Self.response("400 Bad Request", "wanted GET /metrics HTTP/1.1\n")
      }
      guard words[0] == "GET" || words[0] == "HEAD" else {
        return Self.response("405 Method Not Allowed", "only GET\n", "Allow: GET, HEAD\r\n")
      }
      let isHead = words[0] == "HEAD"
      guard words[1].prefix(while: { $0 != "?" }) == "/metrics" else {
        return Self.response("404 Not Found", "the metrics are at /metrics\n", isHead: isHead)
      }
      return Self.response("200 OK", text(), isHead: isHead)
    }

    private static func response(
      _ status: String, _ body: String, _ more: String = "", isHead: Bool = false
    ) -> [UInt8] {
      let head =
        "HTTP/1.1 \(status)\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: \(body.utf8.count)\r\n\(more)Connection: close\r\n\r\n"
      return Array((isHead ? head : head + body).utf8)
    }

    private static var now: Double {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
  }
}
