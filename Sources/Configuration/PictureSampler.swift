import Models
import Recording
import Reports
import Vectors

/// The pictures that a trained model makes: draws of a generator, or the centroids of k-means on
/// images.
public struct PictureSampler {
  public let picture: Picture
  /// What it shows, for a line of text.
  public let what: String

  /// Nil where the model makes no pictures. A grid as wide as high, or nearly.
  public init?(_ trained: TrainedModel, count: Int, seed: UInt64) throws {
    let (values, image): ([Float], SampleShape.Image)
    if let generator = trained.model as? any ImageGenerator {
      image = generator.image
      values = generator.generate(count, seed: seed, weights: trained.weights)
      what = "\(count) pictures, drawn by the model"
    } else if trained.model is KMeans, let shape = trained.samples.image {
      image = shape
      values = trained.weights[trained.model.layout.segments[0].name]!
      what = "the \(values.count / (image.channels * image.height * image.width)) centroids"
    } else {
      return nil
    }
    let shown = values.count / (image.channels * image.height * image.width)
    let columns = Int(Double(shown).squareRoot().rounded(.up))
    let grid = Picture(
      grid: values, width: image.width, height: image.height, channels: image.channels == 3 ? 3 : 1,
      columns: columns)
    // Small pictures are looked at too: at least about 600 pixels wide.
    picture = grid.enlarged(by: max(1, 600 / grid.width))
  }
}
