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
  /// The model's tensors; nil where only the data say what the model's inputs are.
  public var tensors: [Tensor]?

  /// A tensor of the model.
  public struct Tensor: Sendable, Equatable, Decodable {
    public var name: String
    public var shape: [Int]

    public init(name: String, shape: [Int]) { (self.name, self.shape) = (name, shape) }
  }

  public init(
    name: String, resolved: String, notes: [String], dataFiles: [String], globalBatch: Int,
    microBatch: Int, learningRate: Double, tensors: [Tensor]?
  ) {
    (self.name, self.resolved, self.notes, self.dataFiles) = (name, resolved, notes, dataFiles)
    (self.globalBatch, self.microBatch) = (globalBatch, microBatch)
    (self.learningRate, self.tensors) = (learningRate, tensors)
  }

  private enum CodingKeys: String, CodingKey {
    case name, resolved, notes, tensors
    case dataFiles = "data_files"
    case globalBatch = "global_batch"
    case microBatch = "micro_batch"
    case learningRate = "learning_rate"
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
      guard let tensors else { return }
      $0.field("tensors", tensors)
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
