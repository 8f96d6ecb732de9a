import Foundation
import Recording
import Reports
import Testing

struct WorkerEventTests {
  static let events: [WorkerEvent] = [
    .started(
      .init(
        ranks: 4, hosts: ["a", "b"], steps: 702, parameters: 235_146, samples: 60_000,
        experiment: "x", directory: "runs/x",
        notes: ["one", "two"])),
    .progress(Samples.progress),
    .progress(
      .init(
        step: 1, steps: 2, epoch: 0, loss: nil, norm: nil, clippedFraction: 0,
        samplesPerSecond: nil, secondsLeft: nil, skipped: 3)),
    .heldOut(
      EvaluationRecord(
        step: 500, epoch: 0.75,
        scores: Scores(loss: 0.41, score: NamedNumber("accuracy", 0.875)),
        average: Scores(loss: 0.37, score: NamedNumber("accuracy", 0.9)))),
    .heldOut(
      EvaluationRecord(step: 9, epoch: 1, scores: Scores(loss: 2, score: nil))),
    .message(level: .warning, text: "line\nbreak"), .evaluation(loss: 0.5, score: nil),
    .evaluation(loss: nil, score: NamedNumber("mean_return", 475.5)), .report(Samples.report),
  ]

  @Test(arguments: events) func anEventIsOneLineAndIsReadBack(event: WorkerEvent) {
    let line = JSONText(of: event).bytes
    #expect(!line.contains(0x0A))
    #expect(WorkerEvent(line: line) == event)
  }

  @Test func aProgressEventHasTheAgreedKeys() {
    #expect(
      JSONText(of: WorkerEvent.progress(Samples.progress)).string
        == #"{"event":"progress","step":320,"steps":702,"epoch":1.365,"loss":0.43214,"norm":1.2034,"clipped_fraction":0.12,"#
        + #""samples_per_second":23412.4,"seconds_left":33.2,"skipped":0}"#)
  }

  @Test(arguments: [
    "", "hello", "{", "{}", #"{"event":"dance"}"#, #"{"event":"progress","step":1}"#,
    #"{"event":"message","level":"shout","text":"x"}"#,
    #"{"event":"evaluation","loss":1e999}"#, #"{"event":"evaluation","loss":NaN}"#,
    String(repeating: #"{"event":"#, count: 100_000), String(repeating: "[", count: 100_000),
  ]) func anotherLineIsNoEvent(line: String) {
    #expect(WorkerEvent(line: Array(line.utf8)) == nil)
  }

  @Test func aLineOverTheLimitIsNoEvent() {
    let text = String(repeating: "x", count: WorkerEvent.lineLimit)
    #expect(
      WorkerEvent(line: JSONText(of: WorkerEvent.message(level: .note, text: text)).bytes) == nil)
    #expect(
      WorkerEvent(
        line: JSONText(of: WorkerEvent.message(level: .note, text: String(text.dropLast(100))))
          .bytes) != nil)
  }

  @Test func linesAreCutHoweverTheBytesArrive() {
    let bytes = Array("one\n\ntwo\nthree".utf8)
    for size in 1...bytes.count {
      var splitter = LineSplitter(limit: 100)
      var lines: [[UInt8]] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        lines += splitter.add(bytes[start..<min(start + size, bytes.count)])
      }
      if let last = splitter.finish() { lines.append(last) }
      #expect(lines.map { String(decoding: $0, as: UTF8.self) } == ["one", "", "two", "three"])
    }
    var splitter = LineSplitter(limit: 4)
    #expect(
      splitter.add(Array("abcdefghij\n".utf8)).map { String(decoding: $0, as: UTF8.self) } == [
        "abcd", "efgh", "ij",
      ])
  }
}
