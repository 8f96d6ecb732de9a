import Configuration
import Data
import ExperimentKeys
import Testing

@Suite struct AugmentationKeysTests {
  private func failure(_ keys: String) -> String? {
    do throws(ExperimentError) {
      let experiment = try Experiment(
        text: "[data]\n\(keys)", source: "x.toml", overrides: [])
      do { try experiment.checkFit() } catch let error as ExperimentError { throw error } catch {
        return "\(error)"
      }
      return nil
    } catch { return error.description }
  }

  @Test func keysAreReadAndResolved() throws {
    let experiment = try Experiment(
      text: "[data]\naugment = { shift = 2, flip = true }", source: "x.toml",
      overrides: ["data.augment.crop=0.9"])
    #expect(experiment.data.augmentation == ImageAugmentation(shift: 2, flip: true, crop: 0.9))
    #expect(
      experiment.resolved.contains("augment.shift = 2\naugment.flip = true\naugment.crop = 0.9\n"))
    let again = try Experiment(text: experiment.resolved, source: "y.toml", overrides: [])
    #expect(again.data.augmentation == experiment.data.augmentation)
    let plain = try Experiment(text: "", source: "x.toml", overrides: [])
    #expect(plain.data.augmentation.isNone && !plain.resolved.contains("augment"))
  }

  @Test(arguments: [
    ("augment = 2", "x.toml:2: data.augment: wanted a table, { … }, found 2"),
    (
      "augment.shift = -1",
      "x.toml:2: data.augment.shift: wanted a whole number of at least 0 and at most 65536, found -1"
    ),
    ("augment.flip = 1", "x.toml:2: data.augment.flip: wanted true or false, found 1"),
    (
      "augment.crop = 1.5",
      "x.toml:2: data.augment.crop: wanted a number above 0 and at most 1, found 1.5"
    ),
    ("augment.flop = true", "x.toml:2: data.augment.flop: unknown key; did you mean flip?"),
    (
      "kind = \"blobs\"\naugment.flip = true",
      "data.augment: samples of this data have no height and width; leave it out, or give images"
    ),
    (
      "augment.shift = 28", "data.augment.shift is 28, an image has 28×28 pixels: give less"
    ),
  ])
  func wrongKeysAreRefusedInOneLine(_ keys: String, _ line: String) {
    #expect(failure(keys) == line)
  }
}
