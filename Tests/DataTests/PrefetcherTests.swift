import Data
import Files
import Glibc
import Synchronization
import Testing
import Vectors

/// Numbers that are functions of the index. Records which thread reads which samples, and fails for
/// one sample.
private final class Noted: Dataset {
  struct Reading: Equatable {
    var samples: [UInt32]
    var isElsewhere: Bool
    var blocksSignals: Bool
  }

  let count = 100
  let shape = SampleShape(inputs: 3, labels: 1, classes: 7)
  let broken: UInt32
  let home = pthread_self()
  let readings = Mutex<[Reading]>([])

  init(broken: UInt32 = .max) { self.broken = broken }

  func read(_ samples: ArraySlice<UInt32>, into batch: inout Batch) throws(FileError) {
    var mask = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &mask)
    let blocked = (1...31).allSatisfy {
      $0 == SIGKILL || $0 == SIGSTOP || sigismember(&mask, $0) == 1
    }
    let isElsewhere = pthread_equal(home, pthread_self()) == 0
    readings.withLock {
      $0.append(Reading(samples: Array(samples), isElsewhere: isElsewhere, blocksSignals: blocked))
    }
    for (row, sample) in samples.enumerated() {
      if sample == broken { throw FileError("noted", at: Int(sample), "is broken") }
      for column in 0..<3 { batch.inputs[row * 3 + column] = Float(Int(sample) * 3 + column) }
      batch.labels[row] = Int32(sample % 7)
    }
  }
}

@Suite struct PrefetcherTests {
  private func expect(_ batch: borrowing Batch, holds samples: [UInt32], epoch: Int) {
    #expect(
      batch.count == samples.count && batch.epoch == epoch
        && Array(batch.samples[..<batch.count]) == samples)
    for (row, sample) in samples.enumerated() {
      #expect(
        Array(batch.inputs[row * 3..<row * 3 + 3]) == (0..<3).map { Float(Int(sample) * 3 + $0) })
      #expect(batch.labels[row] == Int32(sample % 7))
    }
  }

  @Test func samplesReadAheadAreHandedOver() throws {
    let data = Noted()
    let ahead = Prefetcher(data, capacity: 4)
    var batch = Batch(capacity: 4, shape: data.shape)
    for step in 0..<20 {
      let samples = (0..<UInt32(step % 4 + 1)).map { (UInt32(step) * 17 + $0 * 5) % 100 }
      ahead.start(samples[...], epoch: step / 3)
      // The same guess again reads nothing.
      ahead.start(samples[...], epoch: step / 3)
      try ahead.take(samples[...], epoch: step / 3, into: &batch)
      expect(batch, holds: samples, epoch: step / 3)
    }
    let readings = data.readings.withLock { $0 }
    #expect(readings.count == 20 && readings.allSatisfy { $0.isElsewhere && $0.blocksSignals })
  }

  @Test func aWrongGuessIsReadAgain() throws {
    let data = Noted()
    let ahead = Prefetcher(data, capacity: 4)
    var batch = Batch(capacity: 4, shape: data.shape)
    try ahead.take([1, 2], epoch: 0, into: &batch)
    expect(batch, holds: [1, 2], epoch: 0)
    for (guess, epoch) in [([3, 4], 1), ([3], 0), ([3, 5], 0), ([9, 8, 7, 6], 0)]
      as [([UInt32], Int)]
    {
      ahead.start(guess[...], epoch: epoch)
      try ahead.take([3, 4], epoch: 0, into: &batch)
      expect(batch, holds: [3, 4], epoch: 0)
      try ahead.take([1, 2], epoch: 0, into: &batch)
      expect(batch, holds: [1, 2], epoch: 0)
    }
    // One guess in place of another.
    ahead.start([5], epoch: 0)
    ahead.start([6], epoch: 0)
    try ahead.take([6], epoch: 0, into: &batch)
    expect(batch, holds: [6], epoch: 0)
    #expect(
      data.readings.withLock { $0.last }
        == Noted.Reading(samples: [6], isElsewhere: true, blocksSignals: true))
    // Samples that the batch holds already are not read; those read ahead wait for their turn.
    ahead.start([7], epoch: 0)
    try ahead.take([6], epoch: 0, into: &batch)
    try ahead.take([7], epoch: 0, into: &batch)
    expect(batch, holds: [7], epoch: 0)
    let readings = data.readings.withLock { $0 }
    #expect(readings.suffix(3).map(\.samples) == [[5], [6], [7]])
  }

  @Test func anErrorBelongsToItsSamples() throws {
    let data = Noted(broken: 50)
    let ahead = Prefetcher(data, capacity: 4)
    var batch = Batch(capacity: 4, shape: data.shape)
    // The failing sample is not drawn, so there is no error.
    ahead.start([49, 50], epoch: 0)
    try ahead.take([1], epoch: 0, into: &batch)
    expect(batch, holds: [1], epoch: 0)
    ahead.start([49, 50], epoch: 0)
    let error = #expect(throws: FileError.self) {
      try ahead.take([49, 50], epoch: 0, into: &batch)
    }
    #expect(error == FileError("noted", at: 50, "is broken"))
    ahead.start([2], epoch: 0)
    try ahead.take([2], epoch: 0, into: &batch)
    expect(batch, holds: [2], epoch: 0)
  }

  @Test func theThreadEndsWithIt() throws {
    weak var data: Noted?
    for reads in [false, true] {
      let noted = Noted()
      data = noted
      let ahead = Prefetcher(noted, capacity: 4)
      if reads { ahead.start([1, 2, 3], epoch: 0) }
    }
    // The thread holds a reference to the data too.
    #expect(data == nil)
  }
}
