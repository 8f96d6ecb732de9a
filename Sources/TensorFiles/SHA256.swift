import CCrypto
import Files

/// A SHA-256 in progress (FIPS 180-4), by OpenSSL, which uses the CPU's instructions for it.
public struct SHA256: ~Copyable {
  private let context: OpaquePointer

  public init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      fatalError("OpenSSL offers no SHA-256")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  public mutating func update(_ bytes: RawSpan) {
    let status = bytes.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    guard status == 1 else { fatalError("OpenSSL failed to digest \(bytes.byteCount) bytes") }
  }

  /// The digest as 64 lower-case hexadecimal digits.
  public consuming func finish() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    guard EVP_DigestFinal_ex(context, &digest, nil) == 1 else {
      fatalError("OpenSSL failed to finish a digest")
    }
    return hexadecimal(digest)
  }

  public static func digest(of bytes: RawSpan) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finish()
  }

  /// The digest of a file, read in pieces.
  public static func digest(ofFile path: String) throws(FileError) -> String {
    try digest(of: InputFile(path))
  }

  /// A digest that distinguishes a file from others without reading all of a large one: the whole
  /// file's up to `limit` bytes, else that of its length, as eight little-endian bytes, and of 256
  /// pieces of 64 KiB at even distances, the first and the last among them.
  public static func fingerprint(ofFile path: String, limit: Int = 256 << 20) throws(FileError)
    -> String
  {
    let file = try InputFile(path)
    guard file.byteCount > limit else { return try digest(of: file) }
    let (pieces, size) = (256, 1 << 16)
    var hash = SHA256()
    let length = (0..<8).map { UInt8(truncatingIfNeeded: file.byteCount >> (8 * $0)) }
    hash.update(length.span.bytes)
    var piece = [UInt8](repeating: 0, count: size)
    for index in 0..<pieces {
      try file.fill(
        &piece,
        at: (file.byteCount - size) / (pieces - 1) * index
          + (index == pieces - 1 ? (file.byteCount - size) % (pieces - 1) : 0))
      hash.update(piece.span.bytes)
    }
    return hash.finish()
  }

  static func digest(of file: InputFile) throws(FileError) -> String {
    var hash = SHA256()
    var piece = [UInt8](repeating: 0, count: min(1 << 20, file.byteCount))
    var offset = 0
    while offset < file.byteCount {
      let count = min(piece.count, file.byteCount - offset)
      try file.fill(&piece, count: count, at: offset)
      hash.update(piece.span.extracting(..<count).bytes)
      offset += count
    }
    return hash.finish()
  }
}

/// Two lower-case digits a byte.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef")
  return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
