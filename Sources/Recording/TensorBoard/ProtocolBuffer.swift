/// Writes the wire format of Protocol Buffers: what TensorBoard's events are made of.
struct ProtocolBuffer {
  private(set) var bytes: [UInt8] = []

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  mutating func field(_ number: Int, _ value: Double) {
    tag(number, 1)
    append(value.bitPattern)
  }

  mutating func field(_ number: Int, _ value: Float) {
    tag(number, 5)
    append(value.bitPattern)
  }

  mutating func field(_ number: Int, _ value: Int) {
    tag(number, 0)
    variable(UInt64(bitPattern: Int64(value)))
  }

  mutating func field(_ number: Int, _ text: String) {
    tag(number, 2)
    variable(UInt64(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  /// Numbers one after the other in one field.
  mutating func field(_ number: Int, packed values: [Double]) {
    tag(number, 2)
    variable(UInt64(values.count * 8))
    for value in values { append(value.bitPattern) }
  }

  /// A message in a field; its length is set in before it once it is known.
  mutating func field(_ number: Int, _ write: (inout ProtocolBuffer) -> Void) {
    tag(number, 2)
    let start = bytes.count
    write(&self)
    var length = UInt64(bytes.count - start)
    var prefix: [UInt8] = []
    while length >= 0x80 {
      prefix.append(UInt8(length & 0x7F) | 0x80)
      length >>= 7
    }
    prefix.append(UInt8(length))
    bytes.insert(contentsOf: prefix, at: start)
  }

  private mutating func tag(_ number: Int, _ kind: Int) { variable(UInt64(number << 3 | kind)) }

  private mutating func variable(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(value & 0x7F) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  private mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
