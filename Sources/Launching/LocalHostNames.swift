import Glibc

/// The names and addresses by which this machine is known: mpirun starts no remote shell for them.
public struct LocalHostNames: Sendable {
  private let names: Set<String>
  private let addresses: Set<String>

  /// This machine's name, and without its domain where it has one.
  static var hostNames: Set<String> {
    var buffer = [CChar](repeating: 0, count: 256)
    gethostname(&buffer, 255)
    let own = String(
      decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return [own, String(own.prefix { $0 != "." })]
  }

  public init() {
    names = Self.hostNames.union(["localhost"])
    addresses = Self.interfaceAddresses()
  }

  /// Whether a host's name, or an address that it stands for, is this machine's own.
  public func contains(_ host: String) -> Bool {
    names.contains(host) || !addresses.isDisjoint(with: Self.addresses(of: host))
  }

  private static func interfaceAddresses() -> Set<String> {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var result: Set<String> = []
    var entry = list
    while let here = entry {
      if let address = here.pointee.ifa_addr, let text = text(of: address) { result.insert(text) }
      entry = here.pointee.ifa_next
    }
    return result
  }

  private static func addresses(of host: String) -> Set<String> {
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, nil, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var result: Set<String> = []
    var entry = list
    while let here = entry {
      if let address = here.pointee.ai_addr, let text = text(of: address) { result.insert(text) }
      entry = here.pointee.ai_next
    }
    return result
  }

  /// An address in digits; nil for other families than IPv4 and IPv6.
  private static func text(of address: UnsafeMutablePointer<sockaddr>) -> String? {
    let length: Int
    switch Int32(address.pointee.sa_family) {
    case AF_INET: length = MemoryLayout<sockaddr_in>.size
    case AF_INET6: length = MemoryLayout<sockaddr_in6>.size
    default: return nil
    }
    var buffer = [CChar](repeating: 0, count: 128)
    guard getnameinfo(address, socklen_t(length), &buffer, 127, nil, 0, NI_NUMERICHOST) == 0 else {
      return nil
    }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
