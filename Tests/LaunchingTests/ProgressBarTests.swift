import Launching
import Recording
import Reports
import Testing

struct ProgressBarTests {
  private let progress = WorkerEvent.Progress(
    step: 320, steps: 640, epoch: 1.5, loss: 0.43214, norm: 1.2034, clippedFraction: 0.12,
    samplesPerSecond: 23412.4, secondsLeft: 33.2,
    skipped: 0)

  @Test func theWholeLineIsDrawn() {
    let line = ProgressBar(isUnicode: true).line(progress, width: 120)
    #expect(
      line.hasSuffix(
        "  step 320/640  loss 0.4321  norm 1.203  clipped 12 %  23,412 samples/s  0:34 left"))
    #expect(line.filter { $0 == "█" }.count == line.filter { $0 == "─" }.count)
  }

  @Test func theLineIsNeverTooWide() {
    for width in 0...200 {
      for isUnicode in [true, false] {
        #expect(ProgressBar(isUnicode: isUnicode).line(progress, width: width).count <= width)
      }
    }
  }

  @Test func theLeastImportantPartsAreDroppedFirst() {
    let bar = ProgressBar(isUnicode: false)
    let narrow = bar.line(progress, width: 60)
    #expect(narrow.contains("step 320/640") && narrow.contains("loss") && narrow.contains("left"))
    #expect(!narrow.contains("samples/s") && !narrow.contains("clipped"))
    #expect(bar.line(progress, width: 12) == "step 320/640")
  }

  @Test func stepsBeyondTheEndAreDrawnFullAndNoStepsEmpty() {
    var odd = progress
    (odd.step, odd.steps) = (9, 0)
    #expect(ProgressBar(isUnicode: false).line(odd, width: 100).hasPrefix("[####"))
    (odd.step, odd.steps) = (0, 10)
    #expect(ProgressBar(isUnicode: false).line(odd, width: 100).hasPrefix("[----"))
  }
}
