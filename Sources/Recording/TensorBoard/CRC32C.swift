/// The cyclic redundancy check of TFRecord files: Castagnoli's polynomial, reflected (RFC 3720,
/// B.4).
enum CRC32C {
  /// `tables[k][b]` is the check of byte b followed by k zeros, so that eight bytes take one round.
  private static let tables: [[UInt32]] = {
    var tables = [[UInt32]](repeating: [UInt32](repeating: 0, count: 256), count: 8)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
      tables[0][byte] = value
    }
    for table in 1..<8 {
      for byte in 0..<256 {
        tables[table][byte] =
          tables[table - 1][byte] >> 8 ^ tables[0][Int(tables[table - 1][byte] & 255)]
      }
    }
    return tables
  }()

  /// Over these bytes; of "123456789" 0xE3069283.
  static func check(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBufferPointer { bytes in
      var value = UInt32.max
      var index = 0
      while index + 8 <= bytes.count {
        let low =
          value
          ^ UInt32(
            littleEndian: UnsafeRawPointer(bytes.baseAddress! + index).loadUnaligned(
              as: UInt32.self))
        value =
          tables[7][Int(low & 255)] ^ tables[6][Int(low >> 8 & 255)]
          ^ tables[5][Int(low >> 16 & 255)] ^ tables[4][Int(low >> 24)]
        value ^=
          tables[3][Int(bytes[index + 4])] ^ tables[2][Int(bytes[index + 5])]
          ^ tables[1][Int(bytes[index + 6])]
        value ^= tables[0][Int(bytes[index + 7])]
        index += 8
      }
      while index < bytes.count {
        value = value >> 8 ^ tables[0][Int((value ^ UInt32(bytes[index])) & 255)]
        index += 1
      }
      return ~value
    }
  }

  /// The form that TFRecord stores: rotated, so that the check of a record that holds checks is no
  /// accident.
  static func masked(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    let value = check(bytes)
    return (value >> 15 | value << 17) &+ 0xA282_EAD8
  }
}
