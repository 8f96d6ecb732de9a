import ArgumentParser
import Files
import Reports
import TensorFiles

/// `lockstep inspect FILE.safetensors`: what a file of tensors holds, tensor by tensor.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Shows the tensors of a safetensors file: names, shapes, norms, values that are not finite.",
    discussion: "Exit codes: 0 done, 64 bad options, 65 a file that cannot be read.")

  @Argument(help: ArgumentHelp("The file, such as a run's final.safetensors.", valueName: "file"))
  var file: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    do throws(FileError) {
      let summary = try TensorFileSummary(path: file)
      Screen.output.write(json ? JSONText(of: summary, indented: true).string + "\n" : summary.text)
    } catch {
      throw CommandFailure(.data, PlainText.line(error.description))
    }
  }
}

extension TensorFileSummary: JSONWritable {
  public func write(to json: inout JSONText) {
    json.object {
      $0.field("file", path)
      $0.field("bytes", byteCount)
      $0.field("sha256", sha256)
      $0.key("metadata")
      $0.object { for (key, value) in metadata { $0.field(key, value) } }
      $0.key("tensors")
      $0.array(tensors) { json, tensor in
        json.object {
          $0.field("name", tensor.name)
          $0.field("type", tensor.type.rawValue)
          $0.key("shape")
          $0.array(tensor.shape) { $0.value($1) }
          $0.field("elements", tensor.elementCount)
          Self.write(tensor.statistics, to: &$0)
        }
      }
      $0.key("total")
      $0.object {
        $0.field("tensors", tensors.count)
        $0.field("elements", elementCount)
        Self.write(total, to: &$0)
      }
    }
  }

  private static func write(_ statistics: TensorStatistics?, to json: inout JSONText) {
    json.field("norm", statistics?.norm)
    json.field("rms", statistics?.rootMeanSquare)
    json.field("largest", statistics?.largest)
    json.field("non_finite", statistics?.nonFinite)
  }
}

extension TensorFileSummary {
  /// The table that people read.
  var text: String {
    var rows = [["tensor", "type", "shape", "norm", "rms", "largest", "not finite"]]
    func cells(_ statistics: TensorStatistics?) -> [String] {
      [
        Figures.short(statistics?.norm), Figures.short(statistics?.rootMeanSquare), Figures.short(statistics?.largest),
        statistics.map { Figures.grouped($0.nonFinite) } ?? "–",
      ]
    }
    for tensor in tensors {
      let shape = tensor.shape.isEmpty ? "scalar" : tensor.shape.map(String.init).joined(separator: " × ")
      rows.append([PlainText.line(tensor.name, limit: 60), tensor.type.rawValue, shape] + cells(tensor.statistics))
    }
    rows.append(["\(Figures.counted(tensors.count, "tensor"))", "", Figures.counted(elementCount, "element")] + cells(total))
    var lines = TextColumns.lines(rows) { $0 < 3 }
    for (key, value) in metadata { lines.append("metadata \(PlainText.line(key, limit: 60)): \(PlainText.line(value, limit: 200))") }
    lines.append("\(Figures.grouped(byteCount)) bytes, SHA-256 \(sha256)")
    return lines.joined(separator: "\n") + "\n"
  }
}
