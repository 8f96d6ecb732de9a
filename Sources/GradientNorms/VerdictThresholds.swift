/// Every number that a verdict depends on, with what it is compared to.
///
/// They were set on the development half of the labelled runs in `Tests/VerdictTests`.
enum VerdictThresholds {
  // MARK: The loss

  /// A loss is flat where the 95 % interval of its change lies within this part of its level…
  static let levelBand = 0.05
  /// …and within this part of what it has moved in the run, where that is visible: losses may have
  /// any constant added to them.
  static let movedBand = 0.1
  /// A change that is less than this part of what the loss has moved does not count any more.
  static let rounding = 1e-6
  /// All is learned where the loss is below this part of what it has moved.
  static let finished = 1e-3
  /// A rise counts from this part of what the loss has moved.
  static let rise = 0.05
  /// A change counts for the run's end if this part of it comes in the last half of the steps in
  /// which it is seen.
  static let lately = 0.15
  /// What the loss moved is visible from so many standard deviations of one step's loss.
  static let visible = 4.0

  /// A rise of the loss on held-out rows counts from so many times what that loss rose by before its
  /// minimum, or fell by after it.
  static let wandering = 3.0

  // MARK: The updates

  /// Weights whose updates add up to less than this part of their norm have not moved.
  static let motionless = 1e-5
  /// Nor have those whose updates predictedDecrease less than this part of the loss in the whole
  /// run.
  static let nothing = 1e-8
  /// A fall within the band is a fall if it is this part of what the updates predictedDecrease:
  /// small steps that deliver.
  static let delivered = 0.25
  /// More than this part of what they predictedDecrease updates cannot bring; it is chance.
  static let most = 1.5
  /// Updates that predictedDecrease less than so many times what could have been seen are too small
  /// to show anything.
  static let promised = 2.0
  /// Updates are plain gradient descent where their lengths agree with rate times gradient within
  /// this part.
  static let plain = 0.05
  /// Each update promises so many times the noise of the loss: were the gradient its slope, one
  /// step's fall would show.
  static let overshoot = 5.0

  // MARK: The gradient

  /// The norm is small from this part of its largest on.
  static let small = 0.1
  /// The norm is gone below this part of its largest.
  static let gone = 1e-3
  /// The loss is noisy where it differs from step to step by this part of what it moved, or of its
  /// level.
  static let noisy = 1e-3
  /// The loss swings where its correlation with the step before is below this, and below what
  /// chance makes of none.
  static let swing = -0.3
  /// The weights' motion shows in the loss where that correlation is above this.
  static let motion = 0.3

  // MARK: Depth

  /// The first quarter of the tensors has less than 10⁻³ of the last quarter's norm.
  static let gap = -3.0
  /// Below this, whatever the loss does.
  static let deepGap = -5.0
  /// A fall of less than this part of its level is hardly one.
  static let creep = 0.02
}
