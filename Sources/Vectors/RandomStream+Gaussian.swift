extension RandomStream {
  /// Normal with mean 0 and variance 1 (Marsaglia's polar method, 1964; the second value of each
  /// pair is dropped, so the stream has no hidden state).
  ///
  /// It uses only operations that IEEE 754 rounds exactly: libm's logarithm has variants chosen by
  /// the CPU, whose last bits differ.
  public mutating func gaussian() -> Double {
    while true {
      let x = 2 * unit() - 1
      let y = 2 * unit() - 1
      let square = x * x + y * y
      if square > 0 && square < 1 { return x * (-2 * Self.logarithm(square) / square).squareRoot() }
    }
  }

  /// The natural logarithm of a positive normal number, to about 3·10⁻¹⁶ relative:
  /// 2·artanh((m−1)/(m+1)) + e·ln 2 with m near 1.
  static func logarithm(_ x: Double) -> Double {
    var mantissa = x.significand
    var exponent = Double(x.exponent)
    if mantissa > 1.4142135623730951 {
      mantissa /= 2
      exponent += 1
    }
    let z = (mantissa - 1) / (mantissa + 1)
    let square = z * z
    // |z| ≤ 0.1716, so the first term left out is below 10⁻¹⁷.
    var series = 0.0
    for divisor in stride(from: 21.0, through: 1, by: -2) { series = series * square + 1 / divisor }
    return 2 * z * series + exponent * 0.6931471805599453
  }
}
