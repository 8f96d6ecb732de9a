/// A place in a document, such as `model.layers[2].rate`.
package struct TOMLPath: CustomStringConvertible, Hashable, Sendable {
  package enum Part: Hashable, Sendable {
    case key(String)
    /// An element of a list, counted from 0.
    case index(Int)
  }

  package var parts: [Part]

  package init(_ parts: [Part]) { self.parts = parts }

  package init(keys: String...) { parts = keys.map { .key($0) } }

  package func appending(_ part: Part) -> TOMLPath { TOMLPath(parts + [part]) }

  /// As it is written in `--set`: a key that is not bare is quoted.
  package var description: String {
    var text = ""
    for part in parts {
      switch part {
      case .key(let key):
        let isBare = !key.isEmpty && key.utf8.allSatisfy(TOMLScanner.isBareKey)
        text += (text.isEmpty ? "" : ".") + (isBare ? key : tomlString(key))
      case .index(let index): text += "[\(index)]"
      }
    }
    return text
  }
}
