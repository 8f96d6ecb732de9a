/// The time of an exchange: α a round between hosts, α′ a round within one, β a byte through the
/// busiest link, γ a byte taken in.
///
/// A Hockney model with the reduction's cost (Thakur, Rabenseifner, Gropp 2005), summed over the
/// rounds of the algorithm that is used.
public struct ExchangeModel: Sendable, Equatable {
  /// Seconds a round.
  public var networkLatency: Double
  public var localLatency: Double
  /// What a link's stated time is multiplied by: headers and acknowledgements. 1 is a link that
  /// carries nothing else.
  public var linkOverhead: Double
  /// Bytes a second through a link, where one speed was measured; nil where it is stated for each
  /// use.
  public var bandwidth: Double?
  /// Seconds a byte that a rank takes in, and adds or copies.
  public var touching: Double

  public init(
    networkLatency: Double, localLatency: Double, linkOverhead: Double = 1,
    bandwidth: Double? = nil, touching: Double
  ) {
    (self.networkLatency, self.localLatency, self.linkOverhead) = (
      networkLatency, localLatency, linkOverhead
    )
    (self.bandwidth, self.touching) = (bandwidth, touching)
  }

  /// One measured exchange.
  public struct Point: Sendable, Equatable {
    public var traffic: Traffic
    public var seconds: Double
    /// Bytes a second that the links were set to; nil where that is not known and is to be fitted.
    public var bandwidth: Double?

    public init(_ traffic: Traffic, seconds: Double, bandwidth: Double? = nil) {
      (self.traffic, self.seconds, self.bandwidth) = (traffic, seconds, bandwidth)
    }
  }

  /// Seconds for some traffic; `bandwidth` in bytes a second stands in for the fitted one.
  public func seconds(_ traffic: Traffic, bandwidth stated: Double? = nil) -> Double {
    var seconds =
      networkLatency * traffic.networkRounds + localLatency * traffic.localRounds + touching
      * traffic.touchedBytes
    if traffic.linkBytes > 0, let speed = stated ?? bandwidth {
      seconds += linkOverhead * traffic.linkBytes / speed
    }
    return seconds
  }

  /// Fits all of it by least squares on relative errors, none below 0. Either every point states
  /// its bandwidth or none does. Nil without points that take time.
  public init?(fitting points: [Point]) {
    let points = points.filter { $0.seconds > 0 && $0.traffic != Traffic() }
    guard !points.isEmpty else { return nil }
    let isStated = points.allSatisfy { $0.bandwidth != nil }
    let rows = points.map { point in
      let link = isStated ? point.traffic.linkBytes / point.bandwidth! : point.traffic.linkBytes
      return [
        point.traffic.networkRounds, point.traffic.localRounds, link, point.traffic.touchedBytes,
      ]
    }
    let seconds = points.map(\.seconds)
    guard let fit = LinearFit.nonNegative(rows: rows, values: seconds, deviations: seconds) else {
      return nil
    }
    let c = fit.coefficients.map(\.value)
    self.init(
      networkLatency: c[0], localLatency: c[1], linkOverhead: isStated && c[2] > 0 ? c[2] : 1,
      bandwidth: !isStated && c[2] > 0 ? 1 / c[2] : nil, touching: c[3])
  }

  /// The same machine behind other links.
  public func with(latency: Double, bandwidth: Double) -> ExchangeModel {
    var model = self
    // What software adds to a round is there whatever the link.
    model.networkLatency = latency + localLatency
    model.linkOverhead = 1
    model.bandwidth = bandwidth
    return model
  }
}
