import Data
import ExperimentKeys
import Files
import Testing
import Vectors

/// Images given as lists of values.
private struct Pictures: Dataset {
  let values: [[Float]]
  let shape: SampleShape

  init(_ values: [[Float]], channels: Int = 1, height: Int, width: Int) {
    self.values = values
    shape = SampleShape(
      inputs: channels * height * width, labels: 1, classes: 7,
      image: .init(channels: channels, height: height, width: width))
  }

  var count: Int { values.count }

  func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) {
    for (row, sample) in samples.enumerated() {
      for (place, value) in values[Int(sample)].enumerated() {
        batch.inputs[row * shape.inputs + place] = value
      }
      batch.labels[row] = Int32(sample % 7)
    }
  }
}

@Suite struct ImageAugmentationTests {
  /// The images of some samples, as they are read together.
  private func read(_ data: any Dataset, _ samples: [UInt32], epoch: Int) throws -> [[Float]] {
    var batch = Batch(capacity: samples.count, shape: data.shape)
    try data.fill(&batch, with: samples[...], epoch: epoch)
    let width = data.shape.inputs
    #expect(samples.indices.allSatisfy { batch.labels[$0] == Int32(samples[$0] % 7) })
    return samples.indices.map { Array(batch.inputs[$0 * width..<($0 + 1) * width]) }
  }

  /// An image mirrored and moved, pixel by pixel.
  private func moved(
    _ image: [Float], _ shape: SampleShape.Image, _ flip: Bool, _ dy: Int, _ dx: Int
  )
    -> [Float]
  {
    var result: [Float] = []
    for channel in 0..<shape.channels {
      for y in 0..<shape.height {
        for x in 0..<shape.width {
          let (row, column) = (y - dy, flip ? shape.width - 1 - (x - dx) : x - dx)
          let isInside =
            (0..<shape.height).contains(row) && (0..<shape.width).contains(column)
          let place = (channel * shape.height + row) * shape.width + column
          result.append(isInside ? image[place] : 0)
        }
      }
    }
    return result
  }

  @Test func everyShiftAndMirrorImageIsAsLikelyAsAnother() throws {
    let (height, width) = (4, 5)
    let image = (1...2 * height * width).map { Float($0) }
    let data = Pictures(
      Array(repeating: image, count: 250), channels: 2, height: height, width: width)
    let augmented = ImageAugmentation(shift: 2, flip: true).applied(to: data, seed: 5)
    var found: [[Float]: Int] = [:]
    for epoch in 0..<40 {
      for image in try read(augmented, Array(0..<250), epoch: epoch) {
        found[image, default: 0] += 1
      }
    }
    var wanted: Set<[Float]> = []
    for dy in -2...2 {
      for dx in -2...2 {
        for flip in [false, true] { wanted.insert(moved(image, data.shape.image!, flip, dy, dx)) }
      }
    }
    #expect(wanted.count == 50 && Set(found.keys) == wanted)
    // 200 of each are due, with a deviation of 14.
    #expect(found.values.allSatisfy { (130...270).contains($0) }, "\(found.values.sorted())")
  }

  @Test func seedEpochAndSampleAloneDecide() throws {
    let images = (0..<30).map { image in (0..<36).map { Float(($0 * $0 + image) % 11) } }
    let data = Pictures(images, height: 6, width: 6)
    let augmentation = ImageAugmentation(shift: 1, flip: true, crop: 0.7)
    let augmented = augmentation.applied(to: data, seed: 3)
    let whole = try read(augmented, Array(0..<30), epoch: 2)
    for samples in [[7], [29, 3, 3], Array(10..<20).reversed()] as [[UInt32]] {
      #expect(try read(augmented, samples, epoch: 2) == samples.map { whole[Int($0)] })
    }
    #expect(
      try read(augmentation.applied(to: data, seed: 3), [4, 5], epoch: 2) == Array(whole[4...5]))
    #expect(try read(augmented, Array(0..<30), epoch: 3) != whole)
    #expect(try read(augmentation.applied(to: data, seed: 4), Array(0..<30), epoch: 2) != whole)
    // A batch that was read ahead is the same.
    let prefetcher = Prefetcher(augmented, capacity: 3)
    var batch = Batch(capacity: 3, shape: data.shape)
    prefetcher.start([9, 2, 5], epoch: 2)
    try prefetcher.take([9, 2, 5], epoch: 2, into: &batch)
    #expect(Array(batch.inputs) == whole[9] + whole[2] + whole[5] && batch.epoch == 2)
  }

  /// Bilinear interpolation keeps a slope: that of an enlarged window is its share of the image's.
  @Test func aWindowIsEnlarged() throws {
    let (height, width) = (8, 10)
    let image = (0..<height * width).map { Float($0 / width) * 100 + Float($0 % width) }
    let data = Pictures(Array(repeating: image, count: 200), height: height, width: width)
    let augmented = ImageAugmentation(crop: 0.6).applied(to: data, seed: 1)
    var shares: [Float] = []
    for image in try read(augmented, Array(0..<200), epoch: 0) {
      let share = image[4 * width + 5] - image[4 * width + 4]
      shares.append(share)
      // Where no pixel's centre lies outside the image's.
      for y in 1..<height - 1 {
        for x in 1..<width - 1 {
          let wanted = image[width + 1] + Float(y - 1) * share * 100 + Float(x - 1) * share
          #expect(abs(image[y * width + x] - wanted) < 0.1, "\(y) \(x)")
        }
      }
      // The window lies within the image.
      #expect(image.min()! >= 0 && image.max()! <= 709)
    }
    #expect(shares.min()! >= 0.5999 && shares.max()! <= 1.0001)
    #expect(shares.min()! < 0.65 && shares.max()! > 0.95 && Set(shares).count > 100)
  }

  @Test func valuesOfPixelsStayWithinTheirBounds() throws {
    let images = (0..<50).map { image in (0..<49).map { Float(($0 * 7 + image) % 2) } }
    let augmented = ImageAugmentation(shift: 1, crop: 0.3).applied(
      to: Pictures(images, height: 7, width: 7), seed: 1)
    for epoch in 0..<20 {
      let values = try read(augmented, Array(0..<50), epoch: epoch).joined()
      #expect(values.allSatisfy { (0...1).contains($0) })
    }
  }

  private func failure(_ augmentation: ImageAugmentation, _ shape: SampleShape) -> String? {
    do throws(ExperimentError) {
      try augmentation.check(shape)
      return nil
    } catch { return error.description }
  }

  @Test func samplesThatAreNoImagesAreRefused() throws {
    let image = SampleShape(inputs: 12, image: .init(height: 3, width: 4))
    #expect(
      failure(ImageAugmentation(flip: true), SampleShape(inputs: 12))
        == "data.augment: samples of this data have no height and width; leave it out, or give images"
    )
    #expect(
      failure(ImageAugmentation(shift: 3), image)
        == "data.augment.shift is 3, an image has 3×4 pixels: give less")
    try ImageAugmentation(shift: 2, flip: true, crop: 0.5).check(image)
    try ImageAugmentation().check(SampleShape(inputs: 12))
    #expect(
      ImageAugmentation().applied(
        to: Blobs(classes: 2, dimensions: 3, samples: 4, spread: 1, seed: 1), seed: 1) is Blobs)
  }
}
