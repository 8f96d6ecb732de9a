import Testing
import Vectors

@Suite struct OwnedRangesTests {
  @Test func anElementLiesWhereTheRangesBeforeItEnd() {
    let owned = OwnedRanges([2..<5, 5..<5, 8..<10, 10..<12, 20..<21])
    #expect(owned.ranges == [2..<5, 8..<12, 20..<21])
    #expect(owned.count == 8 && owned.lowerBound == 2 && !owned.isEmpty)
    var places: [Int] = []
    for position in 0..<30 where owned.contains(position) {
      places.append(owned.place(of: position))
    }
    #expect(places == Array(0..<8))
    #expect(owned.stored.map(\.1) == [0, 3, 7])
  }

  @Test func aRangeThatCrossesABorderIsNotOwned() {
    let owned = OwnedRanges([2..<5, 8..<12])
    #expect(owned.contains(2..<5) && owned.contains(9..<12) && owned.contains(6..<6))
    #expect(!owned.contains(4..<6) && !owned.contains(5..<8) && !owned.contains(11..<13))
  }

  @Test func nothingOwnedStillHasAPlace() {
    #expect(OwnedRanges([7..<7, 9..<9]).ranges == [7..<7])
    #expect(OwnedRanges([]).isEmpty && OwnedRanges([]).lowerBound == 0)
    #expect(!OwnedRanges(7..<7).contains(7))
  }
}
