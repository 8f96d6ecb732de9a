import ExperimentKeys
import Vectors

/// How images are changed at random each time they are trained on: the keys of `data.augment`.
///
/// What happens to an image is a function of (seed, epoch, sample), so never of a rank, a
/// micro-batch or a resume. Evaluations see images as they are. A window is cut out first, then
/// mirrored, then shifted.
public struct ImageAugmentation: Sendable, Equatable {
  /// The most pixels by which an image is moved up, down, left or right; what it leaves is 0.
  public var shift: Int
  /// Whether every second image, by chance, is mirrored left to right.
  public var flip: Bool
  /// The least share of height and width that a window of the image has, which is enlarged to the
  /// image's size; 1 for the whole image.
  public var crop: Double

  /// Nothing is changed but what is given: `shift` in pixels, at least 0; `crop` above 0 and at
  /// most 1.
  public init(shift: Int = 0, flip: Bool = false, crop: Double = 1) {
    precondition(shift >= 0 && crop > 0 && crop <= 1, "a shift by \(shift), a crop of \(crop)")
    (self.shift, self.flip, self.crop) = (shift, flip, crop)
  }

  /// Reads the keys of `data.augment`.
  package init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    shift =
      try keys.integer(
        optional: "shift", in: 0...(1 << 16),
        "move each image trained on at random, by up to so many pixels up or down and left or right, as torchvision's `RandomCrop(size, padding=shift)` does; what it leaves is 0. As all of `data.augment`, a function of seed, epoch and sample alone; evaluations see images as they are"
      ) ?? 0
    flip =
      try keys.boolean(
        optional: "flip",
        "mirror every second image, by chance, left to right, torchvision's `RandomHorizontalFlip`")
      ?? false
    crop =
      try keys.number(
        optional: "crop", wanted: "a number above 0 and at most 1",
        "train on a window at random in each image, its height and width the same random share of the image's, this one or more, enlarged to the image's size by bilinear interpolation"
      ) { $0 > 0 && $0 <= 1 } ?? 1
  }

  /// Whether images stay as they are.
  public var isNone: Bool { shift == 0 && !flip && crop == 1 }

  /// Refuses samples that are no images, or are as small as the shift.
  package func check(_ samples: SampleShape) throws(ExperimentError) {
    guard !isNone else { return }
    guard let image = samples.image else {
      throw ExperimentError(
        "data.augment: samples of this data have no height and width; leave it out, or give images")
    }
    guard shift < min(image.height, image.width) else {
      throw ExperimentError(
        "data.augment.shift is \(shift), an image has \(image.height)×\(image.width) pixels: give less"
      )
    }
  }

  /// A data set whose images are changed whenever they are read; the set itself where nothing is.
  /// Traps where its samples are no images.
  package func applied(to data: any Dataset, seed: UInt64) -> any Dataset {
    isNone ? data : AugmentedImages(data, self, seed: seed)
  }
}
