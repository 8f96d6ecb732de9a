import GradientNorms
import Testing

/// What travels of a ledger, on one rank: the reduction leaves its record as it is.
@Suite struct LedgerWindowsTests {
  private static let layout = LedgerLayout(tensorCount: 2, orders: [.infinity])

  private static func ledger(_ terms: [Double]) -> NormLedger {
    var ledger = NormLedger(layout, rank: 0)
    for term in terms { ledger.add(term, to: .squares, of: 1) }
    ledger.add(-7.25, to: .loss)
    ledger[largestOfTensor: 1] = 3
    return ledger
  }

  /// Windows after a step whose squares were `total`.
  private static func windows(after total: Double) -> LedgerWindows {
    var windows = LedgerWindows(layout)
    windows.follow(ledger([total]))
    return windows
  }

  /// Whether the terms travel; what arrives is what was sent.
  private static func fits(_ terms: [Double], _ windows: LedgerWindows) -> Bool {
    var (ledger, windows) = (ledger(terms), windows)
    let before = ledger
    let fits = ledger.reduce(within: &windows) { _ in }
    #expect(ledger == before)
    return fits
  }

  @Test(arguments: [1.0, 1.999, 0x1p-32, 0x1.8p-250, 0x1p200, 3e-5, 1234.5])
  func aWindowHasRoomOnBothSidesOfTheLastTotal(total: Double) {
    let windows = Self.windows(after: total)
    for exponent in -64...32 {
      let term = total * Double(sign: .plus, exponent: exponent, significand: 1)
      #expect(Self.fits([total, term, term.nextUp], windows), "2^\(exponent)")
    }
    for factor in [0x1p66, 0x1p-140] {
      #expect(!Self.fits([total, total * factor * 1.000_000_1], windows), "\(factor)")
    }
    #expect(!Self.fits([.nan], windows) && !Self.fits([total, -.infinity], windows))
    #expect(Self.fits([], windows))
  }

  /// At both ends of what a sum can hold.
  @Test func windowsStayWithinTheSum() {
    for total in [0x1p414, 0x1p-415, .leastNonzeroMagnitude] {
      #expect(Self.fits([total], Self.windows(after: total)), "\(total)")
    }
  }

  @Test func aSumWithoutATotalKeepsItsWindow() {
    var windows = Self.windows(after: 0x1p-200)
    for terms in [[], [.nan], [1, -1]] as [[Double]] { windows.follow(Self.ledger(terms)) }
    #expect(windows == Self.windows(after: 0x1p-200))
  }

  @Test func aModelOf148TensorsSendsAtMost16KB() {
    #expect(LedgerWindows(LedgerLayout(tensorCount: 148)).bytes <= 16 << 10)
  }
}
