import ArgumentParser
import Files
import Recording
import Reports
import TensorFiles

/// `lockstep inspect FILE.safetensors|DIR`: what a file of tensors, a checkpoint or a run holds,
/// tensor by tensor.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract:
      "Shows the tensors of a file, a checkpoint or a run: names, shapes, norms, values that are not finite.",
    discussion: """
      Of a run it shows the weights files that lie in its directory, or those of its newest checkpoint where there are none. A checkpoint's files are
      compared with the SHA-256 in its state.json.
      Exit codes: 0 done, 64 bad options, or a directory without tensors, 65 a file that cannot be read, or is not the one that state.json names.

      Examples:
        lockstep inspect runs/fashion-mlp
        lockstep inspect runs/fashion-mlp/checkpoints/step-00000400
        lockstep inspect runs/fashion-mlp/final.safetensors --json
      """)

  @Argument(
    help: ArgumentHelp(
      "A safetensors file, a checkpoint directory or a run directory.", valueName: "file|dir"),
    completion: .file(extensions: ["safetensors"]))
  var file: String

  @Flag(
    help:
      "Print JSON: of a file an object, of a directory {directory, run, step, checkpoints, files}.")
  var json = false

  func run() throws {
    let style = Terminal.output.style
    if RunDirectory(file).exists {
      let directory = try reading { () throws(FileError) in try InspectedDirectory(file) }
      guard !directory.files.isEmpty else {
        throw CommandFailure(
          .usage,
          "\(PlainText.sanitized(file)): no safetensors file and no checkpoint there; give a run directory, such as runs/NAME"
        )
      }
      Terminal.output.write(
        json ? JSONText(of: directory, indented: true).string + "\n" : directory.text(style))
      if let damaged = directory.files.first(where: { $0.isAsRecorded == false }) {
        let path = PlainText.sanitized(damaged.summary.path)
        throw CommandFailure(
          .data, "\(path): its SHA-256 is not the one in state.json; use another checkpoint")
      }
    } else {
      let summary = try reading { () throws(FileError) in try TensorFileSummary(path: file) }
      Terminal.output.write(
        json ? JSONText(of: summary, indented: true).string + "\n" : summary.text(style))
    }
  }

  private func reading<Value>(_ body: () throws(FileError) -> Value) throws -> Value {
    do { return try body() } catch {
      throw CommandFailure(.data, PlainText.sanitized(error.description))
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
  func text(_ style: TextStyle) -> String {
    var rows = [["tensor", "type", "shape", "norm", "rms", "largest", "not finite"]]
    func cells(_ statistics: TensorStatistics?) -> [String] {
      [
        NumberFormat.formatted(statistics?.norm),
        NumberFormat.formatted(statistics?.rootMeanSquare),
        NumberFormat.formatted(statistics?.largest),
        statistics.map { NumberFormat.grouped($0.nonFinite) } ?? "–",
      ]
    }
    for tensor in tensors {
      let shape =
        tensor.shape.isEmpty ? "scalar" : tensor.shape.map(String.init).joined(separator: " × ")
      rows.append(
        [PlainText.sanitized(tensor.name, limit: 60), tensor.type.rawValue, shape]
          + cells(tensor.statistics))
    }
    rows.append(
      [
        "\(NumberFormat.counted(tensors.count, "tensor"))", "",
        NumberFormat.counted(elementCount, "element"),
      ] + cells(total))
    var lines = TextColumns.lines(rows, style: style) { $0 < 3 }
    for (key, value) in metadata {
      lines.append(
        "metadata \(PlainText.sanitized(key, limit: 60)): \(PlainText.sanitized(value, limit: 200))"
      )
    }
    lines.append("\(NumberFormat.grouped(byteCount)) bytes, SHA-256 \(sha256)")
    return lines.joined(separator: "\n") + "\n"
  }
}
