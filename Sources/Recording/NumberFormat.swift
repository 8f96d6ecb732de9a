import Glibc

/// Numbers as people read them.
public enum NumberFormat {
  /// A number to four significant figures: `0.3412`, `12.34`, `1234`, `3.1e-07`; `–` when there is
  /// none.
  public static func formatted(_ number: Double?) -> String {
    guard let number, number.isFinite else { return "–" }
    let size = abs(number)
    if size == 0 { return "0" }
    guard size >= 1e-4, size < 1e6 else { return printed(number, decimals: 2, exponent: true) }
    return printed(number, decimals: max(0, 3 - Int(log10(size).rounded(.down))))
  }

  public static func fixed(_ number: Double?, decimals: Int) -> String {
    guard let number, number.isFinite else { return "–" }
    return printed(number, decimals: decimals)
  }

  /// A count with its thousands set apart: `60,000`.
  public static func grouped(_ count: Int) -> String {
    let digits = Array(String(count.magnitude))
    var text = count < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// A rate: whole and grouped from 100 on, four figures below.
  public static func rate(_ number: Double?) -> String {
    guard let number, number.isFinite, abs(number) >= 100, abs(number) < 1e15 else {
      return formatted(number)
    }
    return grouped(Int(number.rounded()))
  }

  /// A fraction as per cent: `0 %`, `0.4 %`, `12 %`, `100 %`. Only nothing is 0 and only all is
  /// 100.
  public static func percent(_ fraction: Double?) -> String {
    guard let fraction, fraction.isFinite else { return "–" }
    let value = fraction * 100
    if value == 0 { return "0 %" }
    if abs(value) < 9.95 { return printed(value, decimals: 1) + " %" }
    return printed(value < 100 ? min(value, 99) : value, decimals: 0) + " %"
  }

  /// A duration as a clock shows it: `0:07`, `12:34`, `1:02:03`.
  public static func clock(_ seconds: Double?) -> String {
    guard let seconds, seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "–" }
    let whole = Int(seconds.rounded(.up))
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let (hours, minutes) = (whole / 3600, whole / 60 % 60)
    return hours > 0
      ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
  }

  /// `1 rank`, `4 ranks`.
  public static func counted(_ count: Int, _ noun: String) -> String {
    "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")"
  }

  private static func printed(_ number: Double, decimals: Int, exponent: Bool = false) -> String {
    var buffer = [CChar](repeating: 0, count: 352)
    _ = withVaList([Int32(decimals), number]) {
      vsnprintf(&buffer, buffer.count, exponent ? "%.*e" : "%.*f", $0)
    }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
