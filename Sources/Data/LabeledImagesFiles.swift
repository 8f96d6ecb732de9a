import Files
import Glibc
import Vectors

/// A file of images and a file of their labels, opened and checked, not yet read.
///
/// The caller learns ``byteCount``, provides the memory (a node's ranks may share one copy) and
/// calls ``load(into:)`` once for it; every user of the memory then makes its own
/// ``LabeledImages``.
public struct LabeledImagesFiles: Sendable {
  public enum Split: String, Sendable, CaseIterable { case train, test }

  /// Where Debian's package dataset-fashion-mnist puts its files.
  public static let fashionMNIST = "/usr/share/datasets/fashion-mnist"
  /// What its labels mean.
  static let fashionClasses = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
  ]

  public let images: IDXFile
  public let labels: IDXFile
  /// The number of classes that labels must lie in; nil when the largest label decides.
  public let classes: Int?

  public var count: Int { labels.byteCount }
  /// The pixels of one image.
  public var inputWidth: Int { images.byteCount / count }
  /// Height and width, where each image has two dimensions.
  public var image: SampleShape.Image? {
    images.dimensions.count == 3
      ? SampleShape.Image(height: images.dimensions[1], width: images.dimensions[2]) : nil
  }
  /// All images, then all labels.
  public var byteCount: Int { images.byteCount + labels.byteCount }

  /// Opens two files by path.
  /// - Throws: also when the numbers of images and labels differ.
  public init(images: String, labels: String, classes: Int? = nil) throws(FileError) {
    self.images = try IDXFile(path: images)
    self.labels = try IDXFile(path: labels)
    self.classes = classes
    guard self.images.dimensions.count >= 2 else {
      throw self.images.failure(
        at: 3, "has one dimension, images have two or more", remedy: "give the file of the images")
    }
    guard self.labels.dimensions.count == 1 else {
      throw self.labels.failure(
        at: 3, "has \(self.labels.dimensions.count) dimensions, labels have one",
        remedy: "give the file of the labels")
    }
    let imageCount = self.images.dimensions[0]
    guard imageCount == self.labels.byteCount else {
      throw self.labels.failure(
        at: 4, "\(self.labels.byteCount) labels for the \(imageCount) images of \(images)",
        remedy: "give two files of the same data set")
    }
  }

  /// Opens one split of MNIST, Fashion-MNIST or a set stored like them: four files, each with or
  /// without `.gz`, ten classes.
  public init(directory: String = fashionMNIST, split: Split, classes: Int? = 10) throws(FileError)
  {
    let stem = split == .train ? "train" : "t10k"
    func present(_ name: String) throws(FileError) -> String {
      let path = directory + "/" + name
      for candidate in [path, path + ".gz"] where isPresent(candidate) { return candidate }
      // A package is no help to those who named a directory of their own.
      let remedy =
        directory == Self.fashionMNIST
        ? "apt install dataset-fashion-mnist brings it, or set data.path"
        : "set data.path to the directory that holds the four IDX files"
      if !isPresent(directory) {
        throw FileError(directory, "there is no such directory", remedy: remedy)
      }
      throw FileError(path, "there is no such file, nor with .gz", remedy: remedy)
    }
    try self.init(
      images: present("\(stem)-images-idx3-ubyte"), labels: present("\(stem)-labels-idx1-ubyte"),
      classes: classes)
  }

  /// The four files of a set as they are named in a directory here: with `.gz` where only that is
  /// there.
  public static func names(in directory: String) -> [String] {
    ["train", "t10k"].flatMap { stem in
      ["images-idx3-ubyte", "labels-idx1-ubyte"].map { name in
        let path = "\(directory)/\(stem)-\(name)"
        return !isPresent(path) && isPresent(path + ".gz") ? path + ".gz" : path
      }
    }
  }

  /// Reads both files into `memory`, ``byteCount`` bytes long: images first, labels behind them;
  /// checks every label.
  public func load(into memory: UnsafeMutableRawBufferPointer) throws(FileError) {
    guard memory.count == byteCount else {
      fatalError("images and labels take \(byteCount) bytes, the memory has \(memory.count)")
    }
    try images.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[..<images.byteCount]))
    let labelBytes = UnsafeMutableRawBufferPointer(rebasing: memory[images.byteCount...])
    try labels.read(into: labelBytes)
    guard let classes, let wrong = labelBytes.firstIndex(where: { $0 >= classes }) else { return }
    throw labels.failure(
      at: 8 + wrong, "label \(labelBytes[wrong]) of sample \(wrong) is not below \(classes)",
      remedy: "give labels from 0 to \(classes - 1)")
  }
}

private func isPresent(_ path: String) -> Bool { access(path, F_OK) == 0 }
