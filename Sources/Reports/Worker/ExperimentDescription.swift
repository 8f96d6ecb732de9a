import ExperimentKeys
import Recording

/// An experiment as the worker that will train it understands it: what `WORKER --describe` prints as
/// one line of JSON, so that the coordinator knows kinds that only that worker has.
public struct ExperimentDescription: Sendable, Equatable, Decodable {
  public var name: String
  /// The experiment file with defaults and overrides filled in.
  public var resolved: String
  /// What the user is to know of the file, a line each.
  public var notes: [String]
  /// The files that every host reads, under the names they have here.
  public var dataFiles: [String]
  public var globalBatch: Int
  public var microBatch: Int
  public var learningRate: Double
  /// With how many threads each rank computes.
  public var threads: ThreadCount
  /// How many ranks can get samples in a step.
  public var mostRanks: Int
  /// The model's tensors; nil where only the data say what the model's inputs are.
  public var tensors: [Tensor]?
  /// The model's layers; nil where there are no tensors.
  public var layers: [Layer]?
  /// How it trains, for commands that run parts of it.
  public var course: Course?

  /// What of an experiment says where its runs end, and what a branch of one may change.
  public struct Course: Sendable, Equatable, Decodable {
    /// The length in one of two.
    public var steps: Int?
    public var epochs: Int?
    /// The part of the training rows held out for evaluations while training.
    public var heldOut: Double
    /// Whether each epoch has an order of its own, and what the orders follow from.
    public var isShuffled: Bool
    public var orderSeed: Int
    /// Whether `schedule.batch` or `schedule.kind` change the batch, or the rate with it.
    public var followsBatch: Bool
    /// p, where a batch k times as large has kᵖ times the learning rate.
    public var ratePower: Double

    public init(
      steps: Int?, epochs: Int?, heldOut: Double, isShuffled: Bool, orderSeed: Int,
      followsBatch: Bool, ratePower: Double
    ) {
      (self.steps, self.epochs, self.heldOut) = (steps, epochs, heldOut)
      (self.isShuffled, self.orderSeed) = (isShuffled, orderSeed)
      (self.followsBatch, self.ratePower) = (followsBatch, ratePower)
    }

    private enum CodingKeys: String, CodingKey {
      case steps, epochs
      case heldOut = "held_out"
      case isShuffled = "shuffled"
      case orderSeed = "order_seed"
      case followsBatch = "follows_batch"
      case ratePower = "rate_power"
    }
  }

  /// A line of the table of layers.
  public struct Layer: Sendable, Equatable, Decodable {
    public var path: String
    public var kind: String
    public var result: String
    public var parameters: Int
    /// Of a sample, forward and backward; nil where the model does not count them by layer.
    public var multiplyAdds: Int?

    public init(path: String, kind: String, result: String, parameters: Int, multiplyAdds: Int?) {
      (self.path, self.kind, self.result) = (path, kind, result)
      (self.parameters, self.multiplyAdds) = (parameters, multiplyAdds)
    }

    private enum CodingKeys: String, CodingKey {
      case path, kind, result, parameters
      case multiplyAdds = "multiply_adds"
    }
  }

  /// A tensor of the model.
  public struct Tensor: Sendable, Equatable, Decodable {
    public var name: String
    public var shape: [Int]

    public init(name: String, shape: [Int]) { (self.name, self.shape) = (name, shape) }
  }

  public init(
    name: String, resolved: String, notes: [String], dataFiles: [String], globalBatch: Int,
    microBatch: Int, learningRate: Double, threads: ThreadCount, mostRanks: Int,
    tensors: [Tensor]?, layers: [Layer]? = nil, course: Course? = nil
  ) {
    (self.layers, self.course) = (layers, course)
    (self.name, self.resolved, self.notes, self.dataFiles) = (name, resolved, notes, dataFiles)
    (self.globalBatch, self.microBatch) = (globalBatch, microBatch)
    (self.learningRate, self.tensors) = (learningRate, tensors)
    (self.threads, self.mostRanks) = (threads, mostRanks)
  }

  private enum CodingKeys: String, CodingKey {
    case name, resolved, notes, threads, tensors, layers, course
    case dataFiles = "data_files"
    case globalBatch = "global_batch"
    case microBatch = "micro_batch"
    case learningRate = "learning_rate"
    case mostRanks = "most_ranks"
  }
}

extension ExperimentDescription: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("name", name)
      $0.field("resolved", resolved)
      $0.key("notes")
      $0.array(notes) { $0.value($1) }
      $0.key("data_files")
      $0.array(dataFiles) { $0.value($1) }
      $0.field("global_batch", globalBatch)
      $0.field("micro_batch", microBatch)
      $0.field("learning_rate", learningRate)
      $0.field("threads", threads.description)
      $0.field("most_ranks", mostRanks)
      if let tensors { $0.field("tensors", tensors) }
      if let layers { $0.field("layers", layers) }
      if let course { $0.field("course", course) }
    }
  }
}

extension ExperimentDescription.Course: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("steps", steps)
      $0.field("epochs", epochs)
      $0.field("held_out", heldOut)
      $0.field("shuffled", isShuffled)
      $0.field("order_seed", orderSeed)
      $0.field("follows_batch", followsBatch)
      $0.field("rate_power", ratePower)
    }
  }
}

extension ExperimentDescription.Tensor: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("name", name)
      $0.key("shape")
      $0.array(shape) { $0.value($1) }
    }
  }
}

extension ExperimentDescription.Layer: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("path", path)
      $0.field("kind", kind)
      $0.field("result", result)
      $0.field("parameters", parameters)
      if let multiplyAdds { $0.field("multiply_adds", multiplyAdds) }
    }
  }
}

/// Why a worker does not do what was asked: one line, and the exit code that goes with it.
public struct WorkerRefusal: Error, Sendable, Equatable, Decodable, JSONWritable {
  public var error: String
  public var code: Int32

  public init(_ code: ExitCode, _ error: String) {
    (self.error, self.code) = (error, code.rawValue)
  }

  public func write(to json: inout JSONText) {
    json.object {
      $0.field("error", error)
      $0.field("code", Int(code))
    }
  }
}
