import Glibc

/// The t below which a variable of Student's distribution lies with this probability (above ½), by
/// bisection of its distribution function.
func studentQuantile(_ probability: Double, degreesOfFreedom: Int) -> Double {
  precondition(probability >= 0.5 && probability < 1 && degreesOfFreedom > 0)
  var (low, high) = (0.0, 1.0)
  while studentProbability(high, degreesOfFreedom) < probability { high *= 2 }
  for _ in 0..<200 where high - low > 1e-15 * high {
    let middle = (low + high) / 2
    if studentProbability(middle, degreesOfFreedom) < probability {
      low = middle
    } else {
      high = middle
    }
  }
  return (low + high) / 2
}

/// P(T ≤ t) for t ≥ 0: 1 − ½ I_x(ν/2, ½) with x = ν/(ν + t²).
private func studentProbability(_ t: Double, _ degrees: Int) -> Double {
  let nu = Double(degrees)
  return 1 - 0.5 * incompleteBeta(nu / (nu + t * t), nu / 2, 0.5)
}

/// The regularised incomplete beta function, by Lentz's continued fraction (Abramowitz and Stegun
/// 26.5.8).
private func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
  if x <= 0 { return 0 }
  if x >= 1 { return 1 }
  if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(1 - x, b, a) }
  let gammas: Double = lgamma(a + b) - lgamma(a) - lgamma(b)
  let powers: Double = a * log(x) + b * log(1 - x)
  let front = exp(gammas + powers) / a
  var (c, d) = (1.0, 1 - (a + b) * x / (a + 1))
  d = 1 / d
  var result = d
  for m in 1...500 {
    let k = Double(m)
    let place: Double = a + 2 * k
    let even: Double = k * (b - k) * x / ((place - 1) * place)
    (d, c) = (1 / (1 + even * d), 1 + even / c)
    result *= d * c
    let odd: Double = -(a + k) * (a + b + k) * x / (place * (place + 1))
    (d, c) = (1 / (1 + odd * d), 1 + odd / c)
    let factor = d * c
    result *= factor
    if abs(factor - 1) < 1e-16 { break }
  }
  return front * result
}
