import Files

/// How the format's floating-point types turn into numbers.
extension ElementType {
  /// The values that the 256 bytes of an 8-bit type stand for; nil for every other type.
  var byteValues: [Float]? {
    switch self {
    // The upper half of a Float16.
    case .float8E5M2: (0...255).map { Float(Float16(bitPattern: UInt16($0) << 8)) }
    case .float8E4M3:
      (0...255).map { $0 & 0x7F == 0x7F ? .nan : Self.value(of: $0, fractionBits: 3, bias: 7) }
    case .float8E5M2FNUZ:
      (0...255).map { $0 == 0x80 ? .nan : Self.value(of: $0, fractionBits: 2, bias: 16) }
    case .float8E4M3FNUZ:
      (0...255).map { $0 == 0x80 ? .nan : Self.value(of: $0, fractionBits: 3, bias: 8) }
    case .float8E8M0:
      (0...255).map {
        $0 == 0xFF ? .nan : Float(sign: .plus, exponent: Int($0) - 127, significand: 1)
      }
    default: nil
    }
  }

  /// A byte as a sign, an exponent and a fraction, where every exponent stands for finite values.
  private static func value(of byte: UInt8, fractionBits: Int, bias: Int) -> Float {
    let fraction = Float(byte & (1 << fractionBits - 1)) / Float(1 << fractionBits)
    let exponent = Int(byte & 0x7F) >> fractionBits
    let size = Float(
      sign: .plus, exponent: max(exponent, 1) - bias,
      significand: exponent == 0 ? fraction : 1 + fraction)
    return byte & 0x80 == 0 ? size : -size
  }
}

extension SafeTensors {
  /// Hands a tensor's values to `take`, a megabyte of the file at a time; those of a complex tensor
  /// are its parts' alternately. Returns false, having read nothing, for a type whose values are
  /// not looked at: whole numbers, and floats of less than a byte.
  func forEachValue(of tensor: Tensor, _ take: (Double) -> Void) throws(FileError) -> Bool {
    switch tensor.type {
    case .float64: try forEach(of: tensor, as: UInt64.self) { take(Double(bitPattern: $0)) }
    case .float32, .complex64:
      try forEach(of: tensor, as: UInt32.self) { take(Double(Float(bitPattern: $0))) }
    case .float16:
      try forEach(of: tensor, as: UInt16.self) { take(Double(Float16(bitPattern: $0))) }
    case .bfloat16:
      try forEach(of: tensor, as: UInt16.self) { take(Double(Float(bitPattern: UInt32($0) << 16))) }
    default:
      guard let values = tensor.type.byteValues else { return false }
      try forEach(of: tensor, as: UInt8.self) { take(Double(values[Int($0)])) }
    }
    return true
  }
}
