import Foundation
import FoundationXML

/// The elements and words of a text by Foundation's XML parser.
final class WellFormed: NSObject, XMLParserDelegate {
  private(set) var elements: [(name: String, attributes: [String: String])] = []
  private(set) var words = ""
  /// The words of each `text` element, with its attributes.
  private(set) var labels: [(attributes: [String: String], words: String)] = []

  /// Nil where the text is not well-formed.
  init?(_ text: String) {
    super.init()
    let parser = XMLParser(data: Data(text.utf8))
    parser.delegate = self
    guard parser.parse() else { return nil }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    elements.append((name, attributes))
    if name == "text" { labels.append((attributes, "")) }
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    words += string
    if elements.last?.name == "text" { labels[labels.count - 1].words += string }
  }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) { words += "\n" }

  /// The numbers in the path data of elements of a class.
  func places(ofClass style: String) -> [[Double]] {
    elements.filter {
      $0.attributes["class"]?.split(separator: " ").contains(Substring(style)) == true
    }.map { element in
      (element.attributes["d"] ?? "").split { !($0.isNumber || $0 == "." || $0 == "-") }.compactMap
      { Double($0) }
    }
  }
}
