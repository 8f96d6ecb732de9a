import Glibc

/// A link between hosts as a person writes it: latency one way, and bandwidth.
public enum Link {
  /// Seconds of `20us`, `1.5ms`, `800ns`, `0.1s`; nil for anything else.
  public static func seconds(_ text: some StringProtocol) -> Double? {
    number(text, units: [("ns", 1e9), ("us", 1e6), ("µs", 1e6), ("ms", 1e3), ("s", 1)])
  }

  /// Bytes a second of `10Gbit/s`, `200mbit`, `1.2GB/s`; nil for anything else. `bit` and `B` mean
  /// bits and bytes, prefixes are powers of 1000.
  public static func bytesPerSecond(_ text: some StringProtocol) -> Double? {
    let text =
      text.hasSuffix("/s")
      ? String(text.dropLast(2)) : text.hasSuffix("ps") ? String(text.dropLast(2)) : String(text)
    var units: [(String, Double)] = []
    for (prefixes, bytes) in [
      (["G", "g"], 1e9), (["M", "m"], 1e6), (["K", "k"], 1e3), ([""], 1.0),
    ] {
      for prefix in prefixes {
        units += [
          (prefix + "bit", 8 / bytes), (prefix + "B", 1 / bytes), (prefix + "b", 8 / bytes),
        ]
      }
    }
    return number(text, units: units)
  }

  private static func number(_ text: some StringProtocol, units: [(name: String, count: Double)])
    -> Double?
  {
    let text = String(text)
    guard
      let unit = units.filter({ text.hasSuffix($0.name) }).max(by: {
        $0.name.utf8.count < $1.name.utf8.count
      }),
      let value = Double(text.dropLast(unit.name.count)), value.isFinite, value >= 0
    else { return nil }
    // Divided, not multiplied by an inverse that is rounded already: 20us is what 20e-6 is.
    return value / unit.count
  }

  /// `20 µs`, `1.5 ms`.
  public static func text(seconds: Double) -> String {
    for (unit, scale) in [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)] where seconds >= scale {
      return "\(formatted(seconds / scale)) \(unit)"
    }
    return seconds == 0 ? "0 s" : "\(formatted(seconds / 1e-9)) ns"
  }

  /// `10 Gbit/s`, `200 Mbit/s`.
  public static func text(bytesPerSecond: Double) -> String {
    let bits = bytesPerSecond * 8
    for (unit, scale) in [("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)] where bits >= scale {
      return "\(formatted(bits / scale)) \(unit)"
    }
    return "\(formatted(bits)) bit/s"
  }

  private static func formatted(_ value: Double) -> String {
    let rounded = (value * 100).rounded() / 100
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }
}
