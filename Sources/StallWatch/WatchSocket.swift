import Glibc
import Recording

/// One end of a connection between two watchers; closed with the value's end. Nothing here waits
/// longer than its argument says.
final class WatchSocket {
  let file: Int32
  private var lines = LineSplitter(limit: WatchMessage.limit)
  private var outgoing: [UInt8] = []
  private(set) var isOpen = true

  init(file: Int32) {
    self.file = file
    _ = fcntl(file, F_SETFL, O_NONBLOCK)
    _ = fcntl(file, F_SETFD, FD_CLOEXEC)
  }

  deinit { close(file) }

  /// Sends a message, as much of it as the other end takes now; the rest goes with the next. A
  /// reader that takes nothing for long is given up.
  func send(_ message: WatchMessage) {
    outgoing += message.line
    flush()
    if outgoing.count > 2 * WatchMessage.limit { isOpen = false }
  }

  func flush() {
    while isOpen && !outgoing.isEmpty {
      let sent = outgoing.withUnsafeBytes {
        Glibc.send(file, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL))
      }
      if sent > 0 {
        outgoing.removeFirst(sent)
      } else if errno != EINTR {
        if errno != EAGAIN { isOpen = false }
        return
      }
    }
  }

  /// The messages that have come; a line that is none ends the connection.
  func received() -> [WatchMessage] {
    var messages: [WatchMessage] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while isOpen {
      let count = recv(file, &buffer, buffer.count, 0)
      if count < 0 {
        if errno == EINTR { continue }
        if errno != EAGAIN { isOpen = false }
        break
      }
      if count == 0 {
        isOpen = false
        break
      }
      for line in lines.add(buffer[..<count]) {
        guard let message = WatchMessage(line: line) else {
          isOpen = false
          return messages
        }
        messages.append(message)
      }
    }
    return messages
  }

  /// Listens on a free port of every address; nil where that cannot be had.
  static func listening() -> (file: Int32, port: Int)? {
    for family in [AF_INET6, AF_INET] {
      let file = socket(
        family,
        Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue),
        0)
      guard file >= 0 else { continue }
      var (no, address, length) = (
        Int32(0), sockaddr_storage(), socklen_t(MemoryLayout<sockaddr_storage>.size)
      )
      if family == AF_INET6 {
        setsockopt(file, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &no, socklen_t(MemoryLayout<Int32>.size))
      }
      address.ss_family = sa_family_t(family)
      let size =
        family == AF_INET6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
      let port: Int? = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
          guard bind(file, address, socklen_t(size)) == 0, listen(file, 1024) == 0,
            getsockname(file, address, &length) == 0
          else { return nil }
          // The port lies at the same place in both families' addresses.
          return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            Int(UInt16(bigEndian: $0.pointee.sin_port))
          }
        }
      }
      if let port { return (file, port) }
      close(file)
    }
    return nil
  }

  /// Connects to a numeric address within two seconds.
  static func connected(to address: String, port: Int) -> WatchSocket? {
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(address, String(port), &hints, &list) == 0, let info = list?.pointee else {
      return nil
    }
    defer { freeaddrinfo(list) }
    let file = socket(
      info.ai_family,
      info.ai_socktype | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue),
      info.ai_protocol)
    guard file >= 0 else { return nil }
    let made = WatchSocket(file: file)
    if connect(file, info.ai_addr, info.ai_addrlen) == 0 { return made }
    guard errno == EINPROGRESS else { return nil }
    var wait = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
    guard poll(&wait, 1, 2000) == 1 else { return nil }
    var (error, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
    guard getsockopt(file, SOL_SOCKET, SO_ERROR, &error, &size) == 0, error == 0 else { return nil }
    return made
  }

  /// This host's addresses, without those that only it can reach.
  static func addresses() -> [String] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var found: [String] = []
    var next = list
    while let entry = next?.pointee {
      next = entry.ifa_next
      guard let address = entry.ifa_addr, entry.ifa_flags & UInt32(IFF_UP) != 0,
        entry.ifa_flags & UInt32(IFF_LOOPBACK) == 0
      else { continue }
      let family = Int32(address.pointee.sa_family)
      guard family == AF_INET || family == AF_INET6 else { continue }
      let size =
        family == AF_INET6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
      var name = [CChar](repeating: 0, count: 128)
      guard
        getnameinfo(address, socklen_t(size), &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST)
          == 0
      else { continue }
      let text = String(
        decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      // Link-local ones need the name of an interface, which differs from host to host.
      if !text.contains("%") { found.append(text) }
    }
    return Array(found.prefix(16))
  }
}
