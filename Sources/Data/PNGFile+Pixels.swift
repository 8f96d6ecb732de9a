import Files

extension PNGFile {
  /// Reads the picture as bytes, a plane a channel, `channels` of them: 1 for grey, 3 for red, green
  /// and blue. `planes` has room for them.
  ///
  /// As Pillow converts pictures: grey is 0.299 R + 0.587 G + 0.114 B, transparency is dropped, and
  /// neither gamma nor profiles are applied. Values of 16 bits are rounded to 8.
  func read(channels: Int, into planes: UnsafeMutablePointer<UInt8>) throws(FileError) {
    precondition(channels == 1 || channels == 3, "\(channels) channels")
    var content = try content()
    try unfilter(&content)
    let plane = width * height
    let (values, palette) = (color.channels, Array(content.palette))
    var row = [UInt8](repeating: 0, count: width * values)
    for y in 0..<height {
      let start = y * (rowBytes + 1) + 1
      spread(content.rows[start..<start + rowBytes], into: &row)
      for x in 0..<width {
        let (red, green, blue): (UInt8, UInt8, UInt8)
        switch color {
        case .gray, .grayAlpha:
          red = row[x * values]
          (green, blue) = (red, red)
        case .rgb, .rgba:
          (red, green, blue) = (row[x * values], row[x * values + 1], row[x * values + 2])
        case .palette:
          let entry = 3 * Int(row[x])
          guard entry + 2 < palette.count else {
            throw damaged(at: content.offset, "has a pixel of colour \(row[x]), not in its palette")
          }
          (red, green, blue) = (palette[entry], palette[entry + 1], palette[entry + 2])
        }
        let place = y * width + x
        if channels == 3 {
          (planes[place], planes[plane + place], planes[2 * plane + place]) = (red, green, blue)
        } else {
          let sum = 19595 * UInt32(red) + 38470 * UInt32(green) + 7471 * UInt32(blue) + 0x8000
          planes[place] = color.isGray ? red : UInt8(sum >> 16)
        }
      }
    }
  }

  /// Makes each row's bytes what they were before they were filtered.
  private func unfilter(_ content: inout Content) throws(FileError) {
    let (length, step) = (rowBytes, pixelBytes)
    var wrong: (row: Int, filter: UInt8)?
    content.rows.withUnsafeMutableBufferPointer { bytes in
      let blank = [UInt8](repeating: 0, count: length)
      blank.withUnsafeBufferPointer { blank in
        var above = blank.baseAddress!
        for y in 0..<height {
          let filter = bytes[y * (length + 1)]
          let row = bytes.baseAddress! + y * (length + 1) + 1
          func left(_ place: Int) -> UInt8 { place >= step ? row[place - step] : 0 }
          switch filter {
          case 0: break
          case 1: for place in 0..<length { row[place] &+= left(place) }
          case 2: for place in 0..<length { row[place] &+= above[place] }
          case 3:
            for place in 0..<length {
              row[place] &+= UInt8((UInt16(left(place)) + UInt16(above[place])) / 2)
            }
          case 4:
            for place in 0..<length {
              let corner = place >= step ? above[place - step] : 0
              row[place] &+= paeth(left(place), above[place], corner)
            }
          default:
            wrong = (y, filter)
            return
          }
          above = UnsafePointer(row)
        }
      }
    }
    guard let wrong else { return }
    throw damaged(at: content.offset, "row \(wrong.row) has the unknown filter \(wrong.filter)")
  }

  /// The values of a row, a byte each; those of a palette are its colours' numbers.
  private func spread(_ bytes: ArraySlice<UInt8>, into values: inout [UInt8]) {
    let first = bytes.startIndex
    switch depth {
    case 8: for place in values.indices { values[place] = bytes[first + place] }
    case 16:
      for place in values.indices {
        let value = UInt32(bytes[first + 2 * place]) << 8 | UInt32(bytes[first + 2 * place + 1])
        values[place] = UInt8((value * 255 + 32895) >> 16)
      }
    default:
      let (each, most) = (8 / depth, UInt8(1 << depth - 1))
      let unit: UInt8 = color == .palette ? 1 : 255 / most
      for place in values.indices {
        let shift = 8 - depth * (place % each + 1)
        values[place] = (bytes[first + place / each] >> UInt8(shift) & most) * unit
      }
    }
  }
}

/// Of three neighbors the one nearest to left + above − corner.
private func paeth(_ left: UInt8, _ above: UInt8, _ corner: UInt8) -> UInt8 {
  let guess = Int(left) + Int(above) - Int(corner)
  let (a, b, c) = (abs(guess - Int(left)), abs(guess - Int(above)), abs(guess - Int(corner)))
  return a <= b && a <= c ? left : b <= c ? above : corner
}
