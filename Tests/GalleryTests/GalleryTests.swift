import Configuration
import Foundation
import Gallery
import Recording
import Reports
import Testing

@Suite struct GalleryTests {
  private static let experiments = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../../Launch/experiments"
  )
  .standardized.path

  @Test func everyExperimentThatShipsCanBeRead() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.experiments).filter {
      $0.hasSuffix(".toml")
    }
    #expect(files.count >= gallery.count)
    for file in files {
      let experiment = try Experiment(contentsOf: Self.experiments + "/" + file, overrides: [])
      #expect(experiment.ignoredKeys.isEmpty, "\(file)")
    }
  }

  @Test func namesAreDifferentAndSourcesGiven() {
    #expect(Set(gallery.map(\.name)).count == gallery.count)
    for claim in gallery {
      #expect(
        Set(claim.runs.map(\.name) + claim.studies.map(\.name)).count
          == claim.runs.count + claim.studies.count && claim.runs.count + claim.studies.count > 0,
        "\(claim.name)")
      let path = Self.experiments + "/" + claim.experiment
      for study in claim.studies {
        #expect(throws: Never.self, "\(claim.name): \(study.name)") {
          try Experiment(contentsOf: path, overrides: study.overrides)
        }
      }
      for run in claim.runs {
        #expect(throws: Never.self, "\(claim.name): \(run.name)") {
          try Experiment(contentsOf: path, overrides: run.overrides)
        }
        if let fault = run.fault {
          #expect(InjectedFault(fault) != nil, "\(claim.name): \(run.name)")
        }
      }
      #expect(
        !claim.source.isEmpty && !claim.expected.isEmpty && claim.experiment.hasSuffix(".toml"),
        "\(claim.name)")
    }
  }

  @Test func aSparklineShowsMeansOfParts() {
    #expect(Sparkline.text([1, 1, 2, 2, 3, 3, 4, 4], width: 4) == "▁▃▆█")
    #expect(Sparkline.text([1, nil, .nan, 100], width: 4, isLogarithmic: true) == "▁ !█")
    #expect(
      Sparkline.text([1, 10, 100], width: 8, isLogarithmic: true, range: 1...10_000) == "▁▃▅")
    #expect(Sparkline.text([], width: 4) == "")
  }
}
