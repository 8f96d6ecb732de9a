/// The element types of safetensors, under the names the format gives them.
public enum ElementType: String, Sendable, CaseIterable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  /// Two Float32: a complex number's real and imaginary part.
  case complex64 = "C64"
  case float8E5M2 = "F8_E5M2"
  /// Finite values and NaN only, as PyTorch's `float8_e4m3fn`.
  case float8E4M3 = "F8_E4M3"
  case float8E5M2FNUZ = "F8_E5M2FNUZ"
  case float8E4M3FNUZ = "F8_E4M3FNUZ"
  /// A power of two without a sign: a block's scale.
  case float8E8M0 = "F8_E8M0"
  case float6E3M2 = "F6_E3M2"
  case float6E2M3 = "F6_E2M3"
  case float4 = "F4"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint64 = "U64"
  case uint32 = "U32"
  case uint16 = "U16"
  case uint8 = "U8"
  case bool = "BOOL"

  public var bitCount: Int {
    switch self {
    case .float64, .int64, .uint64, .complex64: 64
    case .float32, .int32, .uint32: 32
    case .float16, .bfloat16, .int16, .uint16: 16
    case .int8, .uint8, .bool, .float8E5M2, .float8E4M3, .float8E5M2FNUZ, .float8E4M3FNUZ,
      .float8E8M0:
      8
    case .float6E3M2, .float6E2M3: 6
    case .float4: 4
    }
  }
}
