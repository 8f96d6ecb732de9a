import Foundation
import Glibc
import Launching
import Testing

/// The metrics server over real sockets.
@Suite(.serialized) struct MetricsServerTests {
  /// Sends bytes and reads to the end.
  static func ask(_ port: Int, _ request: String, closes: Bool = false) -> String {
    let socket = connected(port)
    defer { close(socket) }
    let bytes = Array(request.utf8)
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { send(socket, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL)) }
      if count <= 0 { break }
      sent += count
    }
    if closes { shutdown(socket, Int32(SHUT_WR)) }
    return rest(of: socket)
  }

  static func connected(_ port: Int) -> Int32 {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    #expect(code == 0)
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    return socket
  }

  static func rest(of socket: Int32) -> String {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = recv(socket, &buffer, buffer.count, 0)
      if count <= 0 { return String(decoding: all, as: UTF8.self) }
      all += buffer[..<count]
    }
  }

  @Test func aScrapeGetsWhatWasPublishedLast() throws {
    let server = try MetricsServer(host: "127.0.0.1", port: 0)
    server.publish("lockstep_step 1\n")
    #expect(Self.ask(server.port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").hasSuffix("\r\n\r\nlockstep_step 1\n"))
    // More than a socket takes at once, and of more bytes than characters.
    let large = String(repeating: "é", count: 3_000_000)
    server.publish(large)
    let answer = Self.ask(server.port, "GET /metrics?x=1 HTTP/1.0\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.contains("Content-Length: 6000000\r\n"))
    #expect(answer.contains("text/plain; version=0.0.4") && answer.hasSuffix("\r\n\r\n" + large))
    let head = Self.ask(server.port, "HEAD /metrics HTTP/1.1\r\n\r\n")
    #expect(head.contains("Content-Length: 6000000") && head.hasSuffix("\r\n\r\n"))
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", "404"), ("POST /metrics HTTP/1.1\r\n\r\n", "405"), ("nonsense\r\n\r\n", "400"), ("\r\n\r\n", "400"),
    ("GET  /metrics HTTP/1.1\r\n\r\n", "400"), ("GET /metrics\r\n\r\n", "400"), ("GET /metrics HTTP/2\r\n\r\n", "400"),
    ("\u{0}\u{1}\u{FFFD}\n\n", "400"), ("GET /" + String(repeating: "a", count: 9000), "431"),
  ]) func whatIsNoScrapeIsRefused(_ request: String, _ status: String) throws {
    let server = try MetricsServer(host: "127.0.0.1", port: 0)
    #expect(Self.ask(server.port, request).hasPrefix("HTTP/1.1 \(status) "))
  }

  @Test func silentAndHalfRequestsHoldNobodyUp() throws {
    let server = try MetricsServer(host: "127.0.0.1", port: 0)
    server.publish("x 1\n")
    let silent = (0..<20).map { _ in Self.connected(server.port) }
    for socket in silent.prefix(10) { _ = "GET /met".withCString { send(socket, $0, 8, Int32(MSG_NOSIGNAL)) } }
    let start = ContinuousClock.now
    for _ in 0..<50 { #expect(Self.ask(server.port, "GET /metrics HTTP/1.1\r\n\r\n").hasSuffix("x 1\n")) }
    #expect(start.duration(to: .now) < .seconds(3))
    // Closed without a word, or after half of one.
    for socket in silent { close(socket) }
    #expect(Self.ask(server.port, "GET /met", closes: true).isEmpty)
    #expect(Self.ask(server.port, "GET /metrics HTTP/1.1\r\n\r\n").hasSuffix("x 1\n"))
  }

  @Test func aTakenPortAndABadAddressAreOneLine() throws {
    let server = try MetricsServer(host: "127.0.0.1", port: 0)
    #expect(
      throws: LaunchError(
        "--metrics-port \(server.port) on 127.0.0.1: another program listens there; give another port, or 0 for a free one")
    ) {
      _ = try MetricsServer(host: "127.0.0.1", port: server.port)
    }
    #expect(throws: LaunchError.self) { _ = try MetricsServer(host: "nowhere", port: 0) }
    #expect(throws: LaunchError.self) { _ = try MetricsServer(host: "127.0.0.1", port: 70_000) }
  }
}
