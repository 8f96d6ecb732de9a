import CZlib

/// A picture of bytes, grey or of three colours, and its PNG file (ISO/IEC 15948).
public struct Picture: Sendable, Equatable {
  public let width: Int
  public let height: Int
  /// 1, grey, or 3: red, green, blue.
  public let channels: Int
  /// Row by row, a pixel's channels side by side.
  public let pixels: [UInt8]

  /// Traps unless there are width · height · channels pixels, of 1 or 3 channels.
  public init(width: Int, height: Int, channels: Int = 1, pixels: [UInt8]) {
    precondition(
      width > 0 && height > 0 && [1, 3].contains(channels),
      "no picture of \(width)×\(height) in \(channels) channels")
    precondition(
      pixels.count == width * height * channels,
      "\(pixels.count) values for \(width)×\(height) in \(channels) channels")
    self.width = width
    self.height = height
    self.channels = channels
    self.pixels = pixels
  }

  /// The picture with each pixel drawn as a square of so many.
  public func enlarged(by factor: Int) -> Picture {
    precondition(factor > 0, "a picture cannot be enlarged by \(factor)")
    var large: [UInt8] = []
    large.reserveCapacity(pixels.count * factor * factor)
    for row in 0..<height * factor {
      for column in 0..<width * factor {
        let start = ((row / factor) * width + column / factor) * channels
        large += pixels[start..<start + channels]
      }
    }
    return Picture(
      width: width * factor, height: height * factor, channels: channels, pixels: large)
  }

  /// Pictures side by side, `columns` a row, with a line of one white pixel between them, from
  /// values in 0...1 that lie picture by picture, plane by plane, row by row.
  public init(grid values: [Float], width: Int, height: Int, channels: Int = 1, columns: Int) {
    let size = width * height * channels
    precondition(
      size > 0 && columns > 0 && !values.isEmpty && values.count % size == 0,
      "\(values.count) values are no pictures of \(size)")
    let count = values.count / size
    let across = min(columns, count)
    let (total, down) = (across * (width + 1) - 1, (count + across - 1) / across)
    var pixels = [UInt8](repeating: 255, count: total * (down * (height + 1) - 1) * channels)
    for (index, value) in values.enumerated() {
      let (picture, plane, row, column) = (
        index / size, index % size / (width * height), index / width % height, index % width
      )
      let place =
        (picture / across * (height + 1) + row) * total + picture % across * (width + 1) + column
      // A value that is no number is black.
      pixels[place * channels + plane] = UInt8((value > 0 ? min(value, 1) * 255 : 0).rounded())
    }
    self.init(width: total, height: down * (height + 1) - 1, channels: channels, pixels: pixels)
  }

  /// The file's bytes: each row is stored as its difference from the row above, then deflated.
  public func png() -> [UInt8] {
    let stride = width * channels
    var rows: [UInt8] = []
    rows.reserveCapacity((stride + 1) * height)
    for row in 0..<height {
      rows.append(2)
      for index in row * stride..<(row + 1) * stride {
        rows.append(row == 0 ? pixels[index] : pixels[index] &- pixels[index - stride])
      }
    }
    let header =
      Self.bytes(UInt32(width)) + Self.bytes(UInt32(height)) + [8, channels == 1 ? 0 : 2, 0, 0, 0]
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + Self.chunk("IHDR", header)
      + Self.chunk("IDAT", Self.deflated(rows))
      + Self.chunk("IEND", [])
  }

  private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let body = Array(name.utf8) + content
    return bytes(UInt32(content.count)) + body + bytes(UInt32(crc32(0, body, UInt32(body.count))))
  }

  private static func deflated(_ bytes: [UInt8]) -> [UInt8] {
    var count = compressBound(UInt(bytes.count))
    return [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, used in
      let status = compress2(buffer.baseAddress, &count, bytes, UInt(bytes.count), 9)
      guard status == Z_OK else {
        fatalError("zlib could not compress \(bytes.count) bytes: status \(status)")
      }
      used = Int(count)
    }
  }

  private static func bytes(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }
}
