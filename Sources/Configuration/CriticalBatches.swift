import ExperimentKeys
import Recording

/// The batches of `schedule.batch = "critical"`: from each number of samples trained on, the batch
/// that was measured to lose nothing there.
///
/// The key `schedule.critical` takes the file that `lockstep critical-batch` wrote, which is what
/// its user has at hand, or several, of measurements at several steps; or the numbers themselves,
/// pairs of samples and batch. A file is resolved to its numbers when the experiment is read, so
/// that the run's `experiment.toml` repeats the run without it.
///
/// The learning rate is the schedule's times (batch / `training.global_batch`)^p, as it was when
/// the batch was measured: p = ½ for optimisers that divide by the size of the gradient, 1 for
/// others, 0 for those that find the rate themselves. (Merrill et al. 2025, arXiv 2505.23971.)
public struct CriticalBatches: Sendable, Equatable {
  /// A batch and the number of trained samples from which on it is taken.
  public struct Point: Sendable, Equatable {
    public var samples: Int
    public var batch: Int

    public init(samples: Int, batch: Int) { (self.samples, self.batch) = (samples, batch) }
  }

  /// Ascending by samples.
  public let points: [Point]
  /// The batch before the first of them; none is smaller.
  public let globalBatch: Int
  /// p: the learning rate grows with the batch to this power.
  public let ratePower: Double

  /// `points` in any order.
  public init(_ points: [Point], globalBatch: Int, ratePower: Double) {
    self.points = points.sorted { $0.samples < $1.samples }
    (self.globalBatch, self.ratePower) = (globalBatch, ratePower)
  }

  /// The batch of a step that begins after so many samples.
  public func batch(after samples: Int) -> Int {
    max(globalBatch, points.last { $0.samples <= samples }?.batch ?? globalBatch)
  }

  /// The factor on the learning rate of that step.
  public func rateFactor(after samples: Int) -> Double {
    let ratio = Double(batch(after: samples)) / Double(globalBatch)
    return ratePower == 1 ? ratio : ratePower == 0 ? 1 : ratio.squareRoot()
  }

  var largest: Int { max(globalBatch, points.map(\.batch).max() ?? globalBatch) }

  /// The override that gives these numbers in place of a file.
  package var setting: String { "schedule.critical=\(Self.text(points))" }

  fileprivate static func text(_ points: [Point]) -> String {
    "[" + points.map { "[\($0.samples), \($0.batch)]" }.joined(separator: ", ") + "]"
  }
}

extension CriticalBatches {
  /// What the key has: numbers, or why a file gives none.
  fileprivate enum Given {
    case points([Point])
    case failure(String)

    /// The numbers of files, one measurement each.
    init(files: [String]) {
      var points: [Point] = []
      for file in files {
        do throws(RunFileError) {
          let measured = try JSONFile.read(Measurement.self, from: file)
          guard let batch = measured.criticalBatch else {
            self = .failure("\(file): this measurement found no critical batch")
            return
          }
          points.append(Point(samples: measured.samples, batch: batch))
        } catch {
          self = .failure(
            "\(error.description); wanted a critical-batch.json that lockstep critical-batch wrote")
          return
        }
      }
      self.init(points: points)
    }

    /// Numbers that a run can follow.
    init(points: [Point]) {
      if let wrong = points.first(where: { !(1...(1 << 30)).contains($0.batch) || $0.samples < 0 })
      {
        self = .failure(
          "[\(wrong.samples), \(wrong.batch)]: wanted samples of at least 0 and a batch from 1 to \(1 << 30)"
        )
      } else if Set(points.map(\.samples)).count < points.count {
        self = .failure("two batches from the same number of samples on: give one of them")
      } else {
        self = .points(points.sorted { $0.samples < $1.samples })
      }
    }
  }

  /// What a run needs of `critical-batch.json`.
  private struct Measurement: Decodable {
    var samples: Int
    var criticalBatch: Int?

    private enum CodingKeys: String, CodingKey {
      case samples
      case criticalBatch = "critical_batch"
    }
  }

  /// Reads the key; a file relative to the experiment's folder, as other files are.
  init(_ keys: inout ExperimentReader, globalBatch: Int, ratePower: Double)
    throws(ExperimentError)
  {
    let given = try keys.value(
      needed: "critical", example: .points([Point(samples: 51200, batch: 1024)]),
      missing:
        "batch critical needs what was measured: the critical-batch.json that `lockstep critical-batch` wrote, or [[samples, batch]]",
      as: .criticalBatches(in: keys.folder(of: "critical")),
      "what was measured: the file that `lockstep critical-batch` wrote, or a list of such files; or pairs `[samples, batch]`: from so many samples on this batch. No batch is below the global batch. The run's length then counts samples: a step of twice the batch is two steps of it, and of the schedule"
    )
    switch given {
    case .failure(let why): throw keys.error("critical", why)
    case .points(let points):
      self.init(points, globalBatch: globalBatch, ratePower: ratePower)
    }
  }
}

extension KeyForm<CriticalBatches.Given> {
  /// A path, a list of paths, or a list of pairs of whole numbers; written as pairs.
  fileprivate static func criticalBatches(in folder: String) -> Self {
    let path = KeyForm<String>.path(in: folder)
    return Self(.mixed, wanted: "a path, a list of paths, or a list of pairs [samples, batch]") {
      if let file = path.read($0) { return CriticalBatches.Given(files: [file]) }
      guard case .array(let items) = $0, !items.isEmpty else { return nil }
      let files = items.compactMap { path.read($0.value) }
      if files.count == items.count { return CriticalBatches.Given(files: files) }
      let points = items.compactMap { item -> CriticalBatches.Point? in
        guard case .array(let pair) = item.value, pair.count == 2,
          case .integer(let samples) = pair[0].value, case .integer(let batch) = pair[1].value
        else { return nil }
        return CriticalBatches.Point(samples: samples, batch: batch)
      }
      return points.count == items.count ? CriticalBatches.Given(points: points) : nil
    } write: {
      if case .points(let points) = $0 { CriticalBatches.text(points) } else { "[]" }
    }
  }
}
