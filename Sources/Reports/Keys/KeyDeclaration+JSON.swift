import ExperimentKeys
import Recording

extension KeyDeclaration: JSONWritable {
  /// What ``/ExperimentKeys/KeyDeclaration`` decodes from.
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("section", section)
      $0.field("key", key)
      $0.field("conditions", conditions)
      $0.field("type", type.rawValue)
      $0.field("default", defaultValue)
      $0.field("bounds", bounds)
      $0.field("choices", choices)
      $0.field("help", help)
      $0.field("needed", isNeeded)
      $0.field("example", example)
    }
  }
}

extension KeyDeclaration.Condition: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("key", key)
      $0.field("name", name)
    }
  }
}

extension KeyDeclaration.Choice: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("name", name)
      $0.field("summary", summary)
      $0.field("suits", suits)
    }
  }
}
