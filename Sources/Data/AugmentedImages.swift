import Files
import Vectors

/// The images of another data set, changed at random whenever they are read.
///
/// Costs a copy of each image, and for windows an interpolation: memory for one image is taken once
/// a reading.
struct AugmentedImages: Dataset {
  private let images: any Dataset
  private let augmentation: ImageAugmentation
  private let seed: UInt64
  private let image: SampleShape.Image

  init(_ images: any Dataset, _ augmentation: ImageAugmentation, seed: UInt64) {
    guard let image = images.shape.image else {
      fatalError("samples of \(images.shape) are no images")
    }
    (self.images, self.augmentation, self.seed, self.image) = (images, augmentation, seed, image)
  }

  var count: Int { images.count }
  var shape: SampleShape { images.shape }
  var classNames: [String] { images.classNames }
  var waitsForFiles: Bool { images.waitsForFiles }

  func refusal(of value: SampleValue, in sample: UInt32, _ what: String, remedy: String)
    -> FileError?
  {
    images.refusal(of: value, in: sample, what, remedy: remedy)
  }

  func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) throws(FileError) {
    try images.read(samples, into: &batch)
    let scratch = Scratch(image)
    defer { scratch.deallocate() }
    let epoch = UInt64(batch.epoch)
    for (row, sample) in samples.enumerated() {
      var random = RandomStream(
        seed: seed, purpose: RandomPurpose.augmentation, epoch: epoch, sample: UInt64(sample))
      let change = Change(augmentation, image, &random)
      let values = batch.inputs.baseAddress! + row * shape.inputs
      if change.share < 1 { enlarge(values, change, scratch) }
      if change.moves { move(values, change, scratch) }
    }
  }

  /// What happens to one image.
  private struct Change {
    /// The window: its share of height and width, and its first row and column.
    var share = 1.0
    var (top, left) = (0.0, 0.0)
    var isMirrored = false
    /// Pixels downwards and to the right.
    var (down, right) = (0, 0)

    init(
      _ augmentation: ImageAugmentation, _ image: SampleShape.Image, _ random: inout RandomStream
    ) {
      if augmentation.crop < 1 {
        share = augmentation.crop + (1 - augmentation.crop) * random.unit()
        top = random.unit() * Double(image.height) * (1 - share)
        left = random.unit() * Double(image.width) * (1 - share)
      }
      if augmentation.flip { isMirrored = random.next() >> 63 == 1 }
      if augmentation.shift > 0 {
        let places = UInt64(2 * augmentation.shift + 1)
        down = Int(random.integer(below: places)) - augmentation.shift
        right = Int(random.integer(below: places)) - augmentation.shift
      }
    }

    var moves: Bool { isMirrored || down != 0 || right != 0 }
  }

  /// Memory for a copy of an image, and for where each column of a window is.
  private struct Scratch {
    let values: UnsafeMutablePointer<Float>
    let columns: UnsafeMutablePointer<(first: Int32, second: Int32, part: Float)>

    init(_ image: SampleShape.Image) {
      values = .allocate(capacity: image.channels * image.height * image.width)
      columns = .allocate(capacity: image.width)
    }

    func deallocate() {
      values.deallocate()
      columns.deallocate()
    }
  }

  /// The two pixels between which a pixel of the enlarged window is, and the second's part of it.
  private static func neighbors(of pixel: Int, from start: Double, _ share: Double, count: Int)
    -> (first: Int32, second: Int32, part: Float)
  {
    let place = min(max(0, start + (Double(pixel) + 0.5) * share - 0.5), Double(count - 1))
    let first = Int(place)
    return (Int32(first), Int32(min(first + 1, count - 1)), Float(place - Double(first)))
  }

  /// Replaces an image by its window, enlarged by bilinear interpolation between pixels' centres.
  private func enlarge(_ values: UnsafeMutablePointer<Float>, _ change: Change, _ scratch: Scratch)
  {
    let (height, width) = (image.height, image.width)
    scratch.values.update(from: values, count: image.channels * height * width)
    for x in 0..<width {
      scratch.columns[x] = Self.neighbors(of: x, from: change.left, change.share, count: width)
    }
    for y in 0..<height {
      let place = Self.neighbors(of: y, from: change.top, change.share, count: height)
      for channel in 0..<image.channels {
        let plane = scratch.values + channel * height * width
        let (above, below) = (plane + Int(place.first) * width, plane + Int(place.second) * width)
        let row = values + (channel * height + y) * width
        for x in 0..<width {
          let (first, second, part) = scratch.columns[x]
          let upper = above[Int(first)] + part * (above[Int(second)] - above[Int(first)])
          let lower = below[Int(first)] + part * (below[Int(second)] - below[Int(first)])
          row[x] = upper + place.part * (lower - upper)
        }
      }
    }
  }

  /// Mirrors an image and moves it; what it leaves is 0.
  private func move(_ values: UnsafeMutablePointer<Float>, _ change: Change, _ scratch: Scratch) {
    let (height, width) = (image.height, image.width)
    scratch.values.update(from: values, count: image.channels * height * width)
    let columns = max(0, change.right)..<min(width, width + change.right)
    for channel in 0..<image.channels {
      for y in 0..<height {
        let row = values + (channel * height + y) * width
        let source = y - change.down
        guard (0..<height).contains(source) else {
          row.update(repeating: 0, count: width)
          continue
        }
        let from = scratch.values + (channel * height + source) * width
        row.update(repeating: 0, count: columns.lowerBound)
        (row + columns.upperBound).update(repeating: 0, count: width - columns.upperBound)
        if change.isMirrored {
          let last = from + (width - 1 + change.right)
          for x in columns { row[x] = last[-x] }
        } else {
          (row + columns.lowerBound).update(
            from: from + (columns.lowerBound - change.right), count: columns.count)
        }
      }
    }
  }
}
