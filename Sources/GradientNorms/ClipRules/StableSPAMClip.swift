import ExperimentKeys
import Vectors

/// `clip.rule = "stable-spam"`: in each tensor, elements longer than T become (g/max|g|)·T, T being
/// a running mean of max|g|; the tensor then gets the norm m/√v, m and v being running means of its
/// norm and of its square; moments begin anew at intervals (Huang et al. 2025, Stable-SPAM, arXiv
/// 2502.17055).
///
/// All three means have their bias corrected by the steps in which the tensor had a gradient. The
/// authors' code counts these from each reset of the moments, which makes T and v too large for
/// hundreds of steps after it; here they count on.
public struct StableSPAMClip: ClipRule, Equatable {
  public static let kind = "stable-spam"
  public static let summary =
    "Stable-SPAM: elements by a mean of the largest, then each tensor to a mean of its norms."
  /// θ
  public var memory: Double
  /// γ₁ and γ₂
  public var normMemory: Double
  public var squareMemory: Double
  /// ΔT; 0 for never.
  public var resetEvery: Int

  /// Of each tensor; zeros for one that no gradient has reached yet.
  public struct State: Codable, Sendable, Equatable {
    /// Steps with a gradient.
    var steps: [Int] = []
    /// Running means, their bias not corrected: of max|g|, ‖g‖ and ‖g‖².
    var largest: [Double] = []
    var norms: [Double] = []
    var squares: [Double] = []
  }

  /// The paper's defaults.
  public init(
    memory: Double = 0.999, normMemory: Double = 0.85, squareMemory: Double = 0.99999,
    resetEvery: Int = 1000
  ) {
    (self.memory, self.normMemory) = (memory, normMemory)
    (self.squareMemory, self.resetEvery) = (squareMemory, resetEvery)
  }

  public init(_ keys: inout ExperimentReader) throws(ExperimentError) {
    memory = try keys.clipMemory(
      default: 0.999, "of the mean of a tensor's largest elements, which is the others' limit")
    normMemory = try keys.number(
      "norm_memory", default: 0.85, in: 0..<1, "the same of the mean of its norms")
    squareMemory = try keys.number(
      "square_memory", default: 0.99999, in: 0..<1, "the same of the mean of their squares")
    resetEvery = try keys.integer(
      "reset_every", default: 1000, in: 0...(1 << 30),
      "steps of the optimiser between two resets of its moments to 0; 0 for none")
  }

  public var needs: ClipNeeds { [.elements, .largestElements, .secondMoment] }

  public func initialState(tensorCount: Int) -> State {
    let zeros = [Double](repeating: 0, count: tensorCount)
    return State(
      steps: [Int](repeating: 0, count: tensorCount), largest: zeros, norms: zeros, squares: zeros)
  }

  public func accepts(_ state: State, tensorCount: Int) -> Bool {
    state.steps.count == tensorCount && state.steps.allSatisfy { $0 >= 0 }
      && [state.largest, state.norms, state.squares].allSatisfy {
        $0.count == tensorCount && $0.allSatisfy { $0 >= 0 && $0.isFinite }
      }
  }

  public func limits(ofLargest largest: [Double], _ state: State) -> [Double] {
    largest.indices.map { tensor in
      corrected(
        memory, mean(memory, state.largest[tensor], largest[tensor]), state.steps[tensor] + 1)
    }
  }

  public func decide(_ norms: StepNorms, _ state: inout State) -> ClipEffect {
    let (largest, left) = (norms.largestElements, norms.tensorsLeft)
    var factors = [Double](repeating: 1, count: largest.count)
    for tensor in factors.indices where largest[tensor] > 0 && left[tensor] > 0 {
      state.steps[tensor] += 1
      let (steps, norm) = (state.steps[tensor], left[tensor])
      state.largest[tensor] = mean(memory, state.largest[tensor], largest[tensor])
      state.norms[tensor] = mean(normMemory, state.norms[tensor], norm)
      state.squares[tensor] = mean(squareMemory, state.squares[tensor], norm * norm)
      let root = corrected(squareMemory, state.squares[tensor], steps).squareRoot()
      factors[tensor] = corrected(normMemory, state.norms[tensor], steps) / (root + 1e-8) / norm
    }
    return ClipEffect(.perTensor(factors))
  }

  public func restart(inStep step: Int) -> MomentRestart {
    guard resetEvery > 0, step >= resetEvery else { return MomentRestart() }
    return MomentRestart(
      resets: step % resetEvery == 0, forgottenSteps: step / resetEvery * resetEvery - 1)
  }

  private func mean(_ memory: Double, _ past: Double, _ value: Double) -> Double {
    memory * past + (1 - memory) * value
  }

  private func corrected(_ memory: Double, _ mean: Double, _ steps: Int) -> Double {
    mean / (1 - power(memory, steps))
  }
}
