import Glibc

/// How the norms of single samples' gradients are distributed in a step, and the samples that have
/// the largest: on one rank, or on all.
///
/// It is a record of ``length`` words that ranks combine: counts in bins add, and of the largest
/// norms the largest stay. So it does not depend on how samples are divided among ranks.
public struct SampleNorms: Sendable, Equatable {
  /// One sample's gradient.
  public struct Sample: Sendable, Equatable {
    /// Its index in the data set.
    public let index: Int
    /// ‖gᵢ‖; infinite where the gradient is not finite.
    public let norm: Double
    public let rank: Int

    public init(index: Int, norm: Double, rank: Int) {
      (self.index, self.norm, self.rank) = (index, norm, rank)
    }
  }

  /// Bins of equal width in the logarithm, eight for each power of two, from 2⁻²⁰ to 2¹²; what lies
  /// outside counts in the first or the last.
  public static let binCount = 256
  private static let binsOfOctave = 8.0
  private static let lowest = -20.0
  /// How many of the largest are known.
  public static let largestCount = 8
  private static let wordsOfSample = 3
  /// Words of the record: 2.2 KB.
  public static let length = binCount + wordsOfSample * largestCount

  /// As it travels: the counts, and the largest from the largest on, each its norm's bits, 1 + its
  /// index and its rank; 0 where there is none.
  public private(set) var record = [Int64](repeating: 0, count: length)

  public init() {}

  /// How many samples it has.
  public var count: Int { record[..<Self.binCount].reduce(0) { $0 + Int($1) } }

  public mutating func add(_ sample: Sample) {
    record[Self.bin(of: sample.norm)] += 1
    let norm = sample.norm.isNaN ? .infinity : sample.norm
    record.withUnsafeMutableBufferPointer {
      Self.insert(
        (Int64(bitPattern: norm.bitPattern), Int64(sample.index + 1), Int64(sample.rank)),
        into: $0.baseAddress! + Self.binCount)
    }
  }

  /// The largest norms, from the largest on; equal ones by the lower index.
  public var largest: [Sample] {
    (0..<Self.largestCount).compactMap { place in
      let at = Self.binCount + Self.wordsOfSample * place
      guard record[at + 1] > 0 else { return nil }
      return Sample(
        index: Int(record[at + 1]) - 1,
        norm: Double(bitPattern: UInt64(bitPattern: record[at])), rank: Int(record[at + 2]))
    }
  }

  /// How many norms are above another, but for some in its own bin: at least those among the largest.
  public func count(above norm: Double) -> Int {
    let inBins = record[(Self.bin(of: norm) + 1)..<max(Self.bin(of: norm) + 1, Self.binCount)]
    return max(inBins.reduce(0) { $0 + Int($1) }, largest.count { $0.norm > norm })
  }

  /// The norm below which a share of the samples lies, interpolated within a bin: off by less than a
  /// bin's width, 9 %, and never above the largest. Nil without samples.
  public func quantile(_ share: Double) -> Double? {
    guard let most = largest.first?.norm else { return nil }
    var rest = share * Double(count)
    for bin in 0..<Self.binCount where record[bin] > 0 {
      let inBin = Double(record[bin])
      if rest <= inBin {
        let place = (Double(bin) + rest / inBin) / Self.binsOfOctave + Self.lowest
        return min(exp2(place), most)
      }
      rest -= inBin
    }
    return most
  }

  /// Lets a reduction over all ranks replace the record by that of all, in place.
  public mutating func reduce<Failure>(_ body: (inout MutableSpan<Int64>) throws(Failure) -> Void)
    throws(Failure)
  {
    var words = record.mutableSpan
    try body(&words)
  }

  /// Combines one record into another; it commutes and associates to the bit.
  public static func combine(
    _ other: UnsafePointer<Int64>, into record: UnsafeMutablePointer<Int64>
  ) {
    for bin in 0..<binCount { record[bin] &+= other[bin] }
    for place in 0..<largestCount {
      let sample = other + binCount + wordsOfSample * place
      guard sample[1] > 0 else { return }
      insert((sample[0], sample[1], sample[2]), into: record + binCount)
    }
  }

  private static func bin(of norm: Double) -> Int {
    guard norm > 0 else { return norm.isNaN ? binCount - 1 : 0 }
    let place = (log2(norm) - lowest) * binsOfOctave
    return Int(min(max(place, 0), Double(binCount - 1)))
  }

  /// Puts a sample in its place among the largest, if it is one of these.
  private static func insert(
    _ sample: (norm: Int64, index: Int64, rank: Int64), into largest: UnsafeMutablePointer<Int64>
  ) {
    var place = largestCount
    while place > 0, isLarger(sample, largest + wordsOfSample * (place - 1)) { place -= 1 }
    guard place < largestCount else { return }
    for last in stride(from: largestCount - 1, to: place, by: -1) {
      for word in 0..<wordsOfSample {
        largest[wordsOfSample * last + word] = largest[wordsOfSample * (last - 1) + word]
      }
    }
    let at = largest + wordsOfSample * place
    (at[0], at[1], at[2]) = sample
  }

  /// Norms are not negative, so their bits are in their order.
  private static func isLarger(
    _ sample: (norm: Int64, index: Int64, rank: Int64), _ other: UnsafePointer<Int64>
  ) -> Bool {
    guard other[1] > 0 else { return true }
    return (sample.norm, other[1], other[2]) > (other[0], sample.index, sample.rank)
  }
}
