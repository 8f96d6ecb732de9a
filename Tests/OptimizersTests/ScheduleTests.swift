import Optimizers
import Testing

@Suite struct ScheduleTests {
  struct Point: Sendable {
    var schedule: any Schedule
    var step: Int
    var of: Int
    var rate: Double
  }

  /// Base 0.8 throughout. A half cosine is at its mean half way, at (1 + √½)/2 after a quarter.
  static let points: [Point] = [
    Point(schedule: .constant, step: 1, of: 10, rate: 0.8),
    Point(schedule: .constant, step: 99, of: 10, rate: 0.8),
    Point(schedule: .cosine(final: 0.2), step: 1, of: 101, rate: 0.8),
    Point(schedule: .cosine(final: 0.2), step: 26, of: 101, rate: 0.2 + 0.6 * 0.8535533905932737),
    Point(schedule: .cosine(final: 0.2), step: 51, of: 101, rate: 0.5),
    Point(schedule: .cosine(final: 0.2), step: 101, of: 101, rate: 0.2),
    Point(schedule: .cosine(final: 0.2), step: 150, of: 101, rate: 0.2),
    Point(schedule: .cosine(), step: 2, of: 2, rate: 0),
    Point(schedule: .cosine(final: 0.2), step: 1, of: 1, rate: 0.8),
    Point(schedule: .warmupCosine(warmupSteps: 4, final: 0.2), step: 1, of: 104, rate: 0.2),
    Point(schedule: .warmupCosine(warmupSteps: 4, final: 0.2), step: 4, of: 104, rate: 0.8),
    Point(schedule: .warmupCosine(warmupSteps: 4, final: 0.2), step: 54, of: 104, rate: 0.5),
    Point(schedule: .warmupCosine(warmupSteps: 4, final: 0.2), step: 104, of: 104, rate: 0.2),
    Point(schedule: .warmupCosine(warmupSteps: 0, final: 0.2), step: 1, of: 101, rate: 0.8),
    Point(schedule: .warmupCosine(warmupSteps: 0, final: 0.2), step: 51, of: 101, rate: 0.5),
    Point(schedule: .warmupCosine(warmupSteps: 20, final: 0.2), step: 10, of: 10, rate: 0.4),
    Point(schedule: .warmup(steps: 4), step: 1, of: 10, rate: 0.2),
    Point(schedule: .warmup(steps: 4), step: 3, of: 10, rate: 0.6),
    Point(schedule: .warmup(steps: 4), step: 4, of: 10, rate: 0.8),
    Point(schedule: .warmup(steps: 4), step: 10, of: 10, rate: 0.8),
    Point(schedule: .warmup(steps: 0), step: 1, of: 10, rate: 0.8),
  ]

  @Test(arguments: points) func ratesFollowTheFormulaAtTheEndsAndBetween(_ point: Point) {
    let rate = point.schedule.rate(at: Double(point.step), of: point.of, base: 0.8)
    #expect(abs(rate - point.rate) < 1e-15)
  }

  @Test func aCosineNeverRises() {
    let rates = (1...50).map { CosineDecay(final: 0.1).rate(at: Double($0), of: 50, base: 1) }
    #expect(zip(rates, rates.dropFirst()).allSatisfy { $0 > $1 })
  }
}
