import ExperimentKeys
import Models
import Testing
import Vectors

/// Lists of layers that make no network: each is refused in one line that names the layer and what
/// is wrong with it, before any memory is taken.
@Suite struct WrongNetworkTests {
  private static let dense = "{ kind = \"dense\" }"

  @Test(arguments: [
    // Shapes.
    ("{ width = 7 }", "numbers", "the last layer makes 7 values"),
    ("", "numbers", "there is no layer"),
    (dense, "gray", "layer 0 (dense): got 1 channel of 8×8, wants rows: put a flatten before it"),
    ("{ kind = \"conv\" }", "numbers", "layer 0 (conv): got 9 values, wants an image"),
    ("{ kind = \"conv\", kernel = 9 }", "gray", "an image of at least 9×9"),
    ("{ kind = \"conv\", channels = 3, groups = 2 }", "gray", "2 groups do not divide 1 channels"),
    ("{ kind = \"max-pool\", size = 9 }", "gray", "an image of at least 9×9"),
    ("{ kind = \"max-pool\" }", "text", "layer 0 (max-pool): got 7 tokens of a vocabulary of 6"),
    ("{ kind = \"group-norm\", groups = 2 }, \(dense)", "numbers", "channels that 2 groups divide"),
    ("{ kind = \"embedding\" }", "numbers", "layer 0 (embedding): got 9 values, wants tokens"),
    ("{ width = 6 }", "text", "wants values: put an embedding before it"),
    ("{ kind = \"relu\" }", "text", "layer 0 (relu): got 7 tokens"),
    ("{ kind = \"positions\" }", "numbers", "layer 0 (positions): got 9 values"),
    ("{ kind = \"attention\" }", "numbers", "layer 0 (attention): got 9 values"),
    (
      "{ kind = \"embedding\", width = 6 }, { kind = \"attention\" }", "text",
      "layer 1 (attention): got 7 tokens of 6 values, wants a width that 4 heads divide"
    ),
    (
      "{ kind = \"embedding\", width = 6 }, { kind = \"attention\", heads = 2, rotary = true }",
      "text", "a width that 2 heads divide into even ones"
    ),
    ("{ kind = \"lstm\" }", "gray", "layer 0 (lstm): got 1 channel of 8×8"),
    ("{ kind = \"global-average-pool\" }", "numbers", "an image, or a text's values"),
    (
      "{ kind = \"residual\", layers = [{ width = 7 }] }", "numbers",
      "layer 0 (residual): its layers make 7 values, which cannot be added to 9 values"
    ),
    (
      "{ kind = \"residual\", layers = [{ width = 7 }], shortcut = [{ width = 8 }] }", "numbers",
      "cannot be added to 8 values of the shortcut"
    ),
    ("{ kind = \"residual\" }", "numbers", "layer 0 (residual): it has no layers"),
    ("{ kind = \"repeat\", count = 2 }", "numbers", "layer 0 (repeat): it has no layers"),
    ("{ kind = \"tied-head\" }", "text", "there is no embedding before it"),
    (
      "{ kind = \"embedding\", width = 6 }, { kind = \"dense\", width = 5 }, { kind = \"tied-head\" }",
      "text", "rows as wide as the embedding, 6 values"
    ),
    ("{ width = \"targets\" }", "numbers", "the data have no targets"),
    ("{ width = \"vocabulary\" }", "numbers", "the data have no vocabulary"),
    // Keys.
    ("{ kind = \"dens\" }", "numbers", "\"dens\" is not one of"),
    ("{ kind = \"dense\", widht = 6 }", "numbers", "layers[0].widht"),
    ("{ kind = \"dense\", width = 0 }", "numbers", "wanted a whole number from 1 to"),
    ("{ kind = \"dense\", width = \"class\" }", "numbers", "\"classes\", \"targets\""),
    ("{ kind = \"dropout\", rate = 1 }", "numbers", "at least 0 and below 1"),
    ("{ kind = \"max-pool\", size = 2, padding = 2 }", "gray", "at most half of the window's size"),
    ("{ name = \"a b\" }", "numbers", "ASCII without spaces"),
    (
      "{ name = \"a\", width = 9 }, { name = \"a\" }", "numbers",
      "there is a tensor a.weight already"
    ),
    ("7", "numbers", "wanted a table"),
    // Sizes.
    (
      "{ kind = \"repeat\", count = 1000, layers = [{ kind = \"repeat\", count = 10, layers = [{ kind = \"tanh\" }] }] }, \(dense)",
      "numbers", "a network may have 4096 layers"
    ),
    (
      "{ width = 1048576 }, { width = 1048576 }, \(dense)", "numbers",
      "layer 1 (dense): its tensor weight of 1048576×1048576 takes the network beyond"
    ),
  ])
  func isRefused(_ layers: String, _ data: String, _ words: String) throws {
    let shapes = [
      "numbers": NetworkTests.numbers, "gray": NetworkTests.gray, "text": NetworkTests.text,
    ]
    let error = #expect(throws: ExperimentError.self) {
      _ = try NetworkTests.network(layers, shapes[data]!)
    }
    let line = error?.description ?? ""
    #expect(line.contains(words), "\(line)")
    #expect(!line.contains("\n"), "\(line)")
  }

  @Test func tenThousandLayersAreRefusedQuickly() throws {
    let layers = Array(repeating: "{ kind = \"tanh\" }", count: 10_000).joined(separator: ", ")
    let error = #expect(throws: ExperimentError.self) {
      _ = try NetworkTests.network(layers, NetworkTests.numbers)
    }
    #expect(error?.description.contains("4096 layers") ?? false)
  }

  /// Lists within lists are read once each, however deep.
  @Test func layersWithinLayersAreRead() throws {
    var layers = "{ kind = \"tanh\" }"
    for _ in 0..<30 { layers = "{ kind = \"residual\", layers = [\(layers)] }" }
    let network = try NetworkTests.network("\(layers), \(Self.dense)", NetworkTests.numbers)
    #expect(network.layout.segments.count == 2)
  }
}
