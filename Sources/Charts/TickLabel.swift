import Glibc

/// Numbers along an axis, as short as they remain distinct.
enum TickLabel {
  /// A multiple of `step`: `0.25`, `10,000`, `2.5e-07`.
  static func text(_ value: Double, step: Double) -> String {
    if value == 0 { return "0" }
    let size = abs(value)
    if size >= 1e6 || step < 1e-4 {
      let digits = max(
        0,
        Int((log10(size) + 1e-9).rounded(.down)) - Int((log10(step) + 1e-9).rounded(.down))
          + (isHalf(step) ? 1 : 0))
      return printed(value, decimals: min(digits, 6), format: "%.*e").replacingExponent
    }
    let decimals = max(0, -Int((log10(step) + 1e-9).rounded(.down)) + (isHalf(step) ? 1 : 0))
    return grouped(printed(value, decimals: decimals, format: "%.*f"))
  }

  /// A digit times a power of ten: `0.03`, `500`, `1e-07`.
  static func power(digit: Int, exponent: Int) -> String {
    switch exponent {
    case 0..<6: grouped(String(digit) + String(repeating: "0", count: exponent))
    case -4..<0: "0." + String(repeating: "0", count: -exponent - 1) + String(digit)
    default: "\(digit)e\(exponent)"
    }
  }

  /// A value to three figures: for what a screen reader says and a pointer shows.
  static func figure(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    let size = abs(value)
    if value == value.rounded(), size < 1e6 {
      return grouped(printed(value, decimals: 0, format: "%.*f"))
    }
    guard size >= 1e-3, size < 1e6 else {
      return printed(value, decimals: 2, format: "%.*e").replacingExponent
    }
    return grouped(
      printed(value, decimals: max(0, 2 - Int(log10(size).rounded(.down))), format: "%.*f"))
  }

  /// Whether steps of this size need a digit more than their first: 2.5, 0.25.
  private static func isHalf(_ step: Double) -> Bool {
    let digit = step / pow(10, (log10(step) + 1e-9).rounded(.down))
    return abs(digit - digit.rounded()) > 1e-6
  }

  private static func grouped(_ digits: String) -> String {
    let sign = digits.hasPrefix("-") ? "−" : ""
    let parts = digits.drop { $0 == "-" }.split(separator: ".", maxSplits: 1)
    let whole = Array(parts[0])
    var text = ""
    for (index, digit) in whole.enumerated() {
      if index > 0 && (whole.count - index) % 3 == 0 && whole.count > 4 { text.append(",") }
      text.append(digit)
    }
    return sign + text + (parts.count > 1 ? "." + parts[1] : "")
  }

  private static func printed(_ number: Double, decimals: Int, format: String) -> String {
    var buffer = [CChar](repeating: 0, count: 352)
    _ = withVaList([Int32(decimals), number]) { vsnprintf(&buffer, buffer.count, format, $0) }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

extension String {
  /// `1e-07` as `1e-7`, `1e+06` as `1e6`.
  fileprivate var replacingExponent: String {
    guard let mark = lastIndex(of: "e"),
      let exponent = Int(self[index(after: mark)...].drop { $0 == "+" })
    else { return self }
    return "\(self[..<mark])e\(exponent)"
  }
}
