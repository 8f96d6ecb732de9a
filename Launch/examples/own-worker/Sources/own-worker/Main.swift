import Lockstep

@main struct Main {
  static func main() {
    if CommandLine.arguments.dropFirst() == ["--check-gradients"] { checkOwnGradients() }
    LockstepWorker.main {
      $0.register(SpiralNet.self)
      $0.register(Spirals.self)
      $0.register(ColumnScale.self)
      $0.register(FocalLoss.self)
      $0.register(WindowClip.self)
      $0.register(Signum.self)
      $0.register(NormPerLoss())
    }
  }
}
