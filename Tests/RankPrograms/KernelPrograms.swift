import CVectorKernels
import MPI
import Vectors

/// Prints which kernels are used, then a line a kernel: `exact NAME DIGEST` where its bits are
/// promised to be the same on every CPU, `close NAME VALUE` where the CPU may round differently.
let kernelPrograms: [RankProgram] = [
  RankProgram("kernels") { _, _ in
    print("kernels \(KernelInstructions.name)")
    if KernelInstructions.limitMistake != nil { print("the limit is unknown") }
    for count in [1, 7, 16, 33, 64, 100, 1003] { printKernels(count) }
  }
]

private func printKernels(_ count: Int) {
  var random = RandomStream(UInt64(count))
  func numbers(_ range: Range<Double>) -> [Float] {
    (0..<count).map { _ in Float(random.uniform(range)) }
  }
  let (x, y, positive) = (numbers(-2..<2), numbers(-3..<3), numbers(0.1..<1))
  func exact(_ name: String, _ values: [Float], _ sums: Double...) {
    let digest = values.withUnsafeBufferPointer { cvk_digest($0.baseAddress, $0.count) }
    print(
      "exact", "\(name) \(count)",
      String(sums.reduce(digest) { $0 &* 31 &+ $1.bitPattern }, radix: 16))
  }
  func close(_ name: String, _ sum: Double) { print("close", "\(name) \(count)", sum) }

  exact(
    "sums", [], cvk_sum_of_squares(x, count), cvk_sum_of_absolutes(x, count), cvk_dot(x, y, count),
    cvk_squared_distance(x, y, count))
  exact("largest", [], cvk_largest_absolute(x, count))
  var z = x
  exact("clamp", z, cvk_clamp(&z, 0.7, count))
  exact("penalize", z, cvk_penalize(&z, y, 0.1, 0.2, count))
  cvk_combine(&z, y, 0.3, 0.9, count)
  cvk_add(&z, x, count)
  cvk_scale(&z, 1.1, count)
  cvk_add_difference(&z, x, y, 0.37, count)
  cvk_multiply(&z, y, count)
  exact("arithmetic", z)
  cvk_bias_relu(&z, x, 1, count)
  cvk_relu_backward(&z, y, count)
  exact("relu", z)

  var (w, m, v) = (x, y, positive)
  let sgd = cvk_sgd(&w, y, count, 0.1, 0.5, 0.01)
  exact("sgd", w, sgd.update, sgd.weight)
  let momentum = cvk_momentum(&w, y, &m, count, 0.1, 0.5, 0.9, 0.01)
  exact("momentum", w + m, momentum.update, momentum.weight)
  let adamw = cvk_adamw(&w, y, &m, &v, count, 0.01, 0.5, 0.9, 0.999, 1e-8, 0.01, 0.1, 0.001)
  exact("adamw", w + m + v, adamw.update, adamw.weight)
  var g = y
  exact(
    "lamb", g + m, cvk_lamb_direction(w, &g, &m, &v, count, 0.5, 0.9, 0.999, 1e-6, 0.01, 0.1, 0.001)
  )
  var (normal, inverse, gain) = (x, [Float(0)], positive)
  cvk_layer_norm(&z, &normal, &inverse, x, positive, 1, count)
  cvk_layer_norm_backward(&gain, y, normal, inverse, positive, 1, count)
  exact("layer norm", z + normal + inverse + gain)

  var t = x
  cvk_bias_tanh(&t, y, 1, count)
  close("tanh", cvk_sum_of_squares(t, count))
  t = x
  cvk_bias_sigmoid(&t, y, 1, count)
  close("sigmoid", cvk_sum_of_squares(t, count))
  t = x
  cvk_gelu(&z, &t, count)
  close("gelu", cvk_sum_of_squares(z, count) + cvk_sum_of_squares(t, count))
  close(
    "cross entropy",
    cvk_cross_entropy(x, [Int32(count / 2)], nil, 1, count, 0.1, 1, &t, nil)
      + cvk_sum_of_squares(t, count))
  close("Bernoulli", cvk_bernoulli(x, positive, count, 1, &t) + cvk_sum_of_squares(t, count))
  close("latent", cvk_draw_latent(&t, x, y, positive, count) + cvk_sum_of_squares(t, count))
}
