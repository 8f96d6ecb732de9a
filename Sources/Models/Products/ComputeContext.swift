import FlightRecorder

/// What is to be done while a model computes: letting messages move, say, which Open MPI does only
/// within its calls.
public protocol ProgressHook: AnyObject {
  /// A matrix product or a convolution is done. Called on the thread that trains.
  func productDone()
  /// The weights before a position of the flat vector are read from now on. Called on the thread
  /// that trains, by models that say so (``Model/asksForWeights``), with rising positions.
  func weightsNeeded(before position: Int)
}

/// What a model's layers compute with; every matrix product and convolution goes through it.
public final class ComputeContext {
  /// Called after each product, and before weights are read; nil for nothing.
  public var progress: (any ProgressHook)?
  /// Where backward passes leave the squares of each sample's gradient; nil where these are not
  /// wanted. Only for a model without an obstacle to that (``Model/obstacleToSamples``).
  public var sampleSquares: SampleSquares?
  let settings: ComputeSettings
  private var plans: [ProductForm: ProductPlan] = [:]

  /// A context whose products call nothing.
  public init(_ settings: ComputeSettings = .current) { self.settings = settings }

  var threads: ComputeThreads { settings.threads }

  /// How products of a form are made; `a` and `b` are of this form.
  func plan(_ form: ProductForm, _ a: Matrix, _ b: Matrix) -> ProductPlan {
    if let plan = plans[form] { return plan }
    let plan = ProductPlan(form, a, b, settings)
    plans[form] = plan
    return plan
  }

  /// A product is done.
  @inline(__always)
  func productDone() {
    FlightRecorder.advance()
    progress?.productDone()
  }

  /// The weights before a position are read from now on.
  @inline(__always)
  func weightsNeeded(before position: Int) { progress?.weightsNeeded(before: position) }
}
