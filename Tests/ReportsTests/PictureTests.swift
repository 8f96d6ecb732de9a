import CZlib
import Recording
import Reports
import Testing

@Suite struct PictureTests {
  /// Reads a PNG file back by the standard, with zlib's inflate alone.
  private static func decode(_ file: [UInt8]) throws -> (
    width: Int, height: Int, channels: Int, pixels: [UInt8]
  ) {
    func number(_ at: Int) -> Int { file[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
    try #require(Array(file[..<8]) == [137, 80, 78, 71, 13, 10, 26, 10])
    var (at, names, header, data) = (8, [String](), [UInt8](), [UInt8]())
    while at < file.count {
      let count = number(at)
      let body = Array(file[at + 4..<at + 8 + count])
      // The check sum bit by bit, as the standard's annex defines it.
      var check: UInt32 = 0xFFFF_FFFF
      for byte in body {
        check ^= UInt32(byte)
        for _ in 0..<8 { check = check & 1 == 1 ? 0xEDB8_8320 ^ (check >> 1) : check >> 1 }
      }
      #expect(number(at + 8 + count) == Int(check ^ 0xFFFF_FFFF))
      names.append(String(decoding: body[..<4], as: UTF8.self))
      if names.last == "IHDR" { header = Array(body[4...]) }
      if names.last == "IDAT" { data += body[4...] }
      at += 12 + count
    }
    try #require(
      at == file.count && names.first == "IHDR" && names.last == "IEND" && header.count == 13)
    let (width, height) = (
      Int(header[2]) << 8 | Int(header[3]), Int(header[6]) << 8 | Int(header[7])
    )
    let channels = try #require([0: 1, 2: 3][header[9]])
    #expect(header[8] == 8 && header[10...] == [0, 0, 0])

    let stride = width * channels
    var rows = [UInt8](repeating: 0, count: (stride + 1) * height + 1)
    var length = UInt(rows.count)
    try #require(
      uncompress(&rows, &length, data, UInt(data.count)) == Z_OK
        && Int(length) == (stride + 1) * height)
    var pixels: [UInt8] = []
    for row in 0..<height {
      let filter = rows[row * (stride + 1)]
      for index in 0..<stride {
        let left = index < channels ? 0 : pixels[row * stride + index - channels]
        let above = row == 0 ? 0 : pixels[(row - 1) * stride + index]
        let base: UInt8 =
          switch filter {
          case 0: 0
          case 1: left
          case 2: above
          case 3: UInt8((Int(left) + Int(above)) / 2)
          default: try #require(nil, "filter \(filter) is not undone here")
          }
        pixels.append(rows[row * (stride + 1) + 1 + index] &+ base)
      }
    }
    return (width, height, channels, pixels)
  }

  @Test(arguments: [(1, 1, 1), (7, 5, 1), (300, 2, 1), (7, 5, 3), (31, 257, 3)])
  func decodesToItsPixels(
    _ width: Int, _ height: Int, _ channels: Int
  ) throws {
    let pixels = (0..<width * height * channels).map {
      UInt8(truncatingIfNeeded: $0 &* $0 &* 31 &+ $0 / 3)
    }
    let result = try Self.decode(
      Picture(width: width, height: height, channels: channels, pixels: pixels).png())
    #expect(
      result.width == width && result.height == height && result.channels == channels
        && result.pixels == pixels)
  }

  @Test func eachPixelBecomesASquare() {
    let picture = Picture(width: 2, height: 1, channels: 3, pixels: [1, 2, 3, 4, 5, 6]).enlarged(
      by: 2)
    #expect(
      picture
        == Picture(
          width: 4, height: 2, channels: 3,
          pixels: [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]))
  }

  @Test func picturesFormAGrid() {
    // Three pictures of 2×1, two a row: the last place stays white.
    let grey = Picture(grid: [0, 1, 0.5, 2, -1, .nan], width: 2, height: 1, columns: 2)
    #expect(
      grey
        == Picture(
          width: 5, height: 3,
          pixels: [0, 255, 255, 128, 255] + [255, 255, 255, 255, 255] + [0, 0, 255, 255, 255]))
    // Planes become neighbours.
    let colour = Picture(
      grid: [0, 0.2, 0.4, 0.6, 0.8, 1], width: 2, height: 1, channels: 3, columns: 4)
    #expect(
      colour == Picture(width: 2, height: 1, channels: 3, pixels: [0, 102, 204, 51, 153, 255]))
  }
}
