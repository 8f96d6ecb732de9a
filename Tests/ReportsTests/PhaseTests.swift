import Foundation
import Recording
import Testing

/// Times by phase: what records call them, and what is added up.
@Suite struct PhaseTests {
  @Test func namesAndOrderAreTheRecords() throws {
    #expect(Phase.allCases.map(\.name) == ["data", "compute", "reduce", "norm", "optimizer"])
    // A lane each in PhaseTimes, and a texture in the report's bar of time.
    #expect(Phase.allCases.count <= 8)
    let times = PhaseTimes([1, 2, 3, 4, 5])
    #expect(
      JSONText(of: times).string
        == #"{"data":1.0,"compute":2.0,"reduce":3.0,"norm":4.0,"optimizer":5.0}"#)
    #expect(times.values == [1, 2, 3, 4, 5] && times[.reduce] == 3)
    #expect(PhaseTimes(data: 1, compute: 2, reduce: 3, norm: 4, optimizer: 5) == times)
  }

  /// A record of before a phase was added.
  @Test func aPhaseThatIsNotRecordedTookNoTime() throws {
    let read = try JSONDecoder().decode(
      PhaseTimes.self, from: Data(#"{"data":1,"norm":2.5,"other":7}"#.utf8))
    #expect(read == PhaseTimes(data: 1, norm: 2.5))
  }

  @Test func timesAreAddedUp() {
    var times = PhaseTimes([1, 2, 3, 4, 6])
    times += times
    #expect(times == PhaseTimes([2, 4, 6, 8, 12]) && times.total() == 32)
    #expect(times.together == 14 && times.own == 18)
    #expect(times.fractions.values == [2, 4, 6, 8, 12].map { $0 / 32 })
    #expect(PhaseTimes.zero.fractions == .zero)
    #expect(times * 0.5 == PhaseTimes([1, 2, 3, 4, 6]) && times / 4 == times * 0.25)
    #expect(Mirror(reflecting: times).children.compactMap(\.label) == Phase.allCases.map(\.name))
  }
}
