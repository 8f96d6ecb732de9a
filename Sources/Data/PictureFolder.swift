import Files
import FoundationEssentials
import Glibc

/// A folder with a folder of PNG files for each class, as torchvision's `ImageFolder` takes it: the
/// names, in order. Nothing is read of the files.
struct PictureFolder: Sendable, Equatable {
  struct Picture: Sendable, Equatable {
    var path: String
    /// The class, by its number.
    var label: Int
  }

  /// The folders' names, sorted by their bytes.
  let classes: [String]
  let pictures: [Picture]
  /// The pictures to test with, where the folder has parts `train` and `test`, or `train` and `val`.
  let test: [Picture]?

  init(path: String) throws(FileError) {
    let folders = try Self.entries(of: path).filter { Self.isFolder("\(path)/\($0)") }
    let other = ["test", "val"].first { folders.contains($0) }
    guard folders.contains("train"), let other else {
      classes = folders
      pictures = try Self.pictures(in: path, classes)
      test = nil
      return
    }
    let (train, held) = ("\(path)/train", "\(path)/\(other)")
    let classes = try Self.entries(of: train).filter { Self.isFolder("\(train)/\($0)") }
    pictures = try Self.pictures(in: train, classes)
    let shown = try Self.entries(of: held).filter { Self.isFolder("\(held)/\($0)") }
    if let unknown = shown.first(where: { !classes.contains($0) }) {
      throw FileError(
        "\(held)/\(unknown)", "is a class that \(train) has not",
        remedy: "give both parts the same folders")
    }
    test = try Self.pictures(in: held, classes)
    self.classes = classes
  }

  /// The pictures of the classes, class by class, each sorted by name.
  private static func pictures(in path: String, _ classes: [String]) throws(FileError) -> [Picture]
  {
    guard 1...1 << 16 ~= classes.count else {
      throw FileError(
        path, classes.isEmpty ? "holds no folders" : "holds \(classes.count) folders",
        remedy: "give a folder that holds a folder of PNG files for each class")
    }
    var pictures: [Picture] = []
    for (label, name) in classes.enumerated() where isFolder("\(path)/\(name)") {
      let folder = "\(path)/\(name)"
      for file in try entries(of: folder) {
        let ending = file.split(separator: ".").last.map { $0.lowercased() } ?? ""
        if ending == "png" { pictures.append(Picture(path: "\(folder)/\(file)", label: label)) }
        guard !unreadable.contains(ending) else {
          throw FileError(
            "\(folder)/\(file)", "is a picture but no PNG", remedy: "convert it or leave it out")
        }
        if ending != "png" && isFolder("\(folder)/\(file)") {
          throw FileError(
            "\(folder)/\(file)", "is a folder within a class",
            remedy: "put its pictures into \(folder)")
        }
      }
    }
    guard !pictures.isEmpty else {
      throw FileError(
        path, "holds no PNG files in its folders",
        remedy: "give a folder that holds a folder of PNG files for each class")
    }
    guard pictures.count <= UInt32.max else {
      throw FileError(path, "has more pictures than can be numbered", remedy: "divide it")
    }
    return pictures
  }

  /// Formats of pictures that are not read: passed over, they would be missed.
  private static let unreadable: Set<String> = [
    "jpg", "jpeg", "bmp", "gif", "tif", "tiff", "webp", "ppm", "pgm",
  ]

  /// The names of what a folder holds, sorted by their bytes; hidden ones are left out.
  private static func entries(of path: String) throws(FileError) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).filter {
        !$0.hasPrefix(".")
      }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    } catch {
      throw FileError(
        path, "cannot be read as a folder", remedy: "give a folder with a folder for each class")
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// A number for all names and labels, by which two hosts' folders are compared.
  var fingerprint: UInt64 {
    var hash: UInt64 = 14_695_981_039_346_656_037
    for picture in pictures + (test ?? []) {
      for byte in picture.path.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
      hash = (hash ^ UInt64(picture.label)) &* 1_099_511_628_211
    }
    return hash
  }
}
