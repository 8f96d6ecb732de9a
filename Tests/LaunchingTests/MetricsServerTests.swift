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
    #expect(LocalSocket.ask(server.port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").hasSuffix("\r\n\r\nlockstep_step 1\n"))
    // More than a socket takes at once, and of more bytes than characters.
    let large = String(repeating: "é", count: 3_000_000)
    server.publish(large)
    let answer = LocalSocket.ask(server.port, "GET /metrics?x=1 HTTP/1.0\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.contains("Content-Length: 6000000\r\n"))
    #expect(answer.contains("text/plain; version=0.0.4") && answer.hasSuffix("\r\n\r\n" + large))
    let head = LocalSocket.ask(server.port, "HEAD /metrics HTTP/1.1\r\n\r\n")
    #expect(head.contains("Content-Length: 6000000") && head.hasSuffix("\r\n\r\n"))
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", "404"), ("POST /metrics HTTP/1.1\r\n\r\n", "405"), ("nonsense\r\n\r\n", "400"), ("\r\n\r\n", "400"),
    ("GET  /metrics HTTP/1.1\r\n\r\n", "400"), ("GET /metrics\r\n\r\n", "400"), ("GET /metrics HTTP/2\r\n\r\n", "400"),
    ("\u{0}\u{1}\u{FFFD}\n\n", "400"), ("GET /" + String(repeating: "a", count: 9000), "431"),
  ]) func whatIsNoScrapeIsRefused(_ request: String, _ status: String) throws {
    let server = try MetricsServer(host: "127.0.0.1", port: 0)
    #expect(LocalSocket.ask(server.port, request).hasPrefix("HTTP/1.1 \(status) "))
  }

  @Test func silentAndHalfRequestsHoldNobodyUp() throws {
    let server = try MetricsServer(host: "127.0.0.1", port: 0)
    server.publish("x 1\n")
    let silent = (0..<20).map { _ in LocalSocket.connected(server.port) }
    for socket in silent.prefix(10) { _ = "GET /met".withCString { send(socket, $0, 8, Int32(MSG_NOSIGNAL)) } }
    let start = ContinuousClock.now
    for _ in 0..<50 { #expect(LocalSocket.ask(server.port, "GET /metrics HTTP/1.1\r\n\r\n").hasSuffix("x 1\n")) }
    #expect(start.duration(to: .now) < .seconds(3))
    // Closed without a word, or after half of one.
    for socket in silent { close(socket) }
    #expect(LocalSocket.ask(server.port, "GET /met", closes: true).isEmpty)
    #expect(LocalSocket.ask(server.port, "GET /metrics HTTP/1.1\r\n\r\n").hasSuffix("x 1\n"))
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
