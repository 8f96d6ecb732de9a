import Lockstep

@main struct Main {
  static func main() {
    LockstepWorker.main {
      $0.register(SpiralNet.self)
      $0.register(Spirals.self)
      $0.register(QuantileClip.self)
      $0.register(Signum.self)
      $0.register(NormPerLoss())
    }
  }
}
