import ExperimentKeys
import Recording

/// Every key that an experiment file can have: what `WORKER --keys` prints as one line of JSON.
public struct KeyList: Sendable, Decodable, JSONWritable {
  public var keys: [KeyDeclaration]

  public init(_ keys: [KeyDeclaration]) { self.keys = keys }

  public func write(to json: inout JSONText) {
    json.object { $0.field("keys", keys) }
  }
}
