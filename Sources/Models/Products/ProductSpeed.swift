/// Times products of square matrices, which is what a step's products are compared with: the
/// floating-point operations a second of each of `repeats` products, after one that is not counted.
///
/// With a side of 512 a core multiplies as fast as it can, and a product takes 2 or 3 ms: short
/// enough to get through undisturbed.
public func productSpeeds(side: Int = 512, repeats: Int) -> [Double] {
  let compute = ComputeContext()
  let (a, b, result) = (Workspace(), Workspace(), Workspace())
  for scratch in [a, b, result] { scratch.reserve(side * side) }
  for index in 0..<side * side {
    a.base[index] = Float(index % 7) - 3
    b.base[index] = Float(index % 5) - 2
  }
  return (0...repeats).map { _ in
    let start = now()
    compute.multiply(
      Matrix(a.base, rows: side, columns: side), Matrix(b.base, rows: side, columns: side),
      into: result.base)
    return 2 * Double(side * side * side) / (now() - start)
  }.dropFirst().map { $0 }
}
