import Foundation
import Glibc
import Launching
import RankTesting
import Testing

/// The metrics server over real sockets.
@Suite(.serialized) struct MetricsServerTests {
  @Test func aScrapeGetsWhatWasPublishedLast() throws {
    let server = try MetricsServer(host: "127.0.0.1", port: 0)
    server.publish("lockstep_step 1\n")
    #expect(
      LocalSocket.ask(server.port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").hasSuffix(
        "\r\n\r\nlockstep_step 1\n"))
    // More than a socket takes at once, and of more bytes than characters.
    let large = String(repeating: "é", count: 3_000_000)
    server.publish(large)
    let answer = LocalSocket.ask(server.port, "GET /metrics?x=1 HTTP/1.0\r\n\r\n")
    #expect(
      answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.contains("Content-Length: 6000000\r\n"))
    #expect(answer.contains("text/plain; version=0.0.4") && answer.hasSuffix("\r\n\r\n" + large))
    let head = LocalSocket.ask(server.port, "HEAD /metrics HTTP/1.1\r\n\r\n")
    #expect(head.contains("Content-Length: 6000000") && head.hasSuffix("\r\n\r\n"))
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", "404"), ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
    ("nonsense\r\n\r\n", "400"), ("\r\n\r\n", "400"),
    ("GET  /metrics HTTP/1.1\r\n\r\n", "400"), ("GET /metrics\r\n\r\n", "400"),
    ("GET /metrics HTTP/2\r\n\r\n", "400"),
    ("\u{0}\u{1}\u{FFFD}\n\n", "400"), ("GET /" + String(repeating: "a", count: 9000), "431"),
  ]) func requestsThatAreNoScrapeAreRefused(_ request: String, _ status: String) throws {
    let server = try MetricsServer(host: "127.0.0.1", port: 0)
    #expect(LocalSocket.ask(server.port, request).hasPrefix("HTTP/1.1 \(status) "))
  }

  @Test func silentAndHalfRequestsDelayNoClient() throws {
    let server = try MetricsServer(host: "127.0.0.1", port: 0)
    server.publish("x 1\n")
    let silent = (0..<20).map { _ in LocalSocket.connected(server.port) }
    for socket in silent.prefix(10) {
      _ = "GET /met".withCString { send(socket, $0, 8, Int32(MSG_NOSIGNAL)) }
    }
    #expect(LocalSocket.ask(server.port, "GET /metrics HTTP/1.1\r\n\r\n").hasSuffix("x 1\n"))
    // The silent clients are still within their time limit: the answer did not wait for them.
    var byte: UInt8 = 0
    for socket in silent {
      #expect(recv(socket, &byte, 1, Int32(MSG_DONTWAIT)) < 0 && errno == EAGAIN)
    }
    for _ in 0..<50 {
      #expect(LocalSocket.ask(server.port, "GET /metrics HTTP/1.1\r\n\r\n").hasSuffix("x 1\n"))
    }
    // Closed without a request, or after half of one.
    for socket in silent { close(socket) }
    #expect(LocalSocket.ask(server.port, "GET /met", closes: true).isEmpty)
    #expect(LocalSocket.ask(server.port, "GET /metrics HTTP/1.1\r\n\r\n").hasSuffix("x 1\n"))
  }

  /// E4: there is room for 32 clients, and each may take five seconds.
  @Test func moreSilentClientsThanThereIsRoomForDelayNoScrape() throws {
    let server = try MetricsServer(host: "127.0.0.1", port: 0)
    server.publish("x 1\n")
    let silent = (0..<40).map { _ in LocalSocket.connected(server.port) }
    defer { for socket in silent { close(socket) } }
    #expect(LocalSocket.ask(server.port, "GET /metrics HTTP/1.1\r\n\r\n").hasSuffix("x 1\n"))
    // The server closed the oldest; a later one still has the rest of its five seconds for a
    // request.
    var byte: UInt8 = 0
    #expect(recv(silent[20], &byte, 1, Int32(MSG_DONTWAIT)) < 0 && errno == EAGAIN)
    #expect(recv(silent[0], &byte, 1, 0) == 0)
  }

  /// Fault list F: without a free descriptor a client cannot be accepted, and the listener is ready
  /// again at once.
  @Test func withoutDescriptorsTheServerWaitsAndThenAnswers() throws {
    let server = try MetricsServer(host: "127.0.0.1", port: 0)
    server.publish("x 1\n")
    var limits = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
    // The client has the lowest descriptor that was free: with this limit there is no other.
    let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var few = limits
    few.rlim_cur = rlim_t(client + 1)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &few)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(server.port).bigEndian
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    #expect(code == 0)
    _ = "GET /metrics HTTP/1.1\r\n\r\n".withCString { send(client, $0, 25, Int32(MSG_NOSIGNAL)) }
    let start = Self.processorSeconds
    usleep(300_000)
    let used = Self.processorSeconds - start
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
    #expect(used < 0.1, "\(used) s of a processor in 0.3 s")
    #expect(LocalSocket.rest(of: client).hasSuffix("x 1\n"))
    close(client)
  }

  private static var processorSeconds: Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return [usage.ru_utime, usage.ru_stime].reduce(0) {
      $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6
    }
  }

  @Test func aTakenPortAndABadAddressAreOneLine() throws {
    let server = try MetricsServer(host: "127.0.0.1", port: 0)
    #expect(
      throws: LaunchError(
        "--metrics-port \(server.port) on 127.0.0.1: another program listens there; give another port, or 0 for a free one"
      )
    ) {
      _ = try MetricsServer(host: "127.0.0.1", port: server.port)
    }
    #expect(throws: LaunchError.self) { _ = try MetricsServer(host: "nowhere", port: 0) }
    #expect(throws: LaunchError.self) { _ = try MetricsServer(host: "127.0.0.1", port: 70_000) }
    // E4: the check of a dry run.
    for (host, port) in [("127.0.0.1", 70_000), ("127.0.0.1", -1), ("nowhere", 0)] {
      #expect(throws: LaunchError.self) { _ = try MetricsServer.address(host: host, port: port) }
    }
  }
}
