import Glibc

/// Four significant digits, for sentences.
public func formatted(_ value: Double) -> String {
  guard value.isFinite else { return "\(value)" }
  if value == 0 { return "0" }
  let exponent = Int(floor(log10(abs(value))))
  if (-4..<6).contains(exponent) {
    let digits = max(0, 3 - exponent)
    let power = pow(10, Double(digits))
    let rounded = (value * power).rounded() / power
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }
  let mantissa = (value / pow(10, Double(exponent)) * 1000).rounded() / 1000
  return "\(mantissa)e\(exponent)"
}
