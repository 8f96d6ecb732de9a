import ExperimentKeys
import GradientNorms
import Optimizers

/// Two settings of which a run can have only one: the key that has to change, and why.
package struct SettingConflict {
  package let section: String
  package let key: String
  package let text: String

  private init(_ key: String, in section: String, _ text: String) {
    (self.section, self.key, self.text) = (section, key, text)
  }

  /// The first conflict there is; nil where the settings go together.
  package init?(
    _ training: Experiment.TrainingChoice, _ scope: ClipScope,
    _ regularization: Experiment.Regularization, _ report: Experiment.ReportChoice,
    _ groups: [ParameterGroup]
  ) {
    let climbsAlone = regularization.ascent != nil && !regularization.isSynchronized
    if training.reproducible && scope == .worker {
      self.init(
        "scope", in: "clip",
        "each worker clips its own share, which changes with the number of ranks: not with training.reproducible"
      )
    } else if training.reproducible && climbsAlone {
      self.init(
        "synchronized", in: "regularization",
        "each worker climbs its own gradient, which changes with the number of ranks: not with training.reproducible"
      )
    } else if scope != .meanGradient && regularization.changesMean {
      self.init(
        "scope", in: "clip",
        "scope \(scope.rawValue) limits the gradients of the loss, before a penalty is added to their mean: use mean-gradient, or decoupled l2"
      )
    } else if scope == .worker || scope == .sample, regularization.ascent != nil {
      self.init(
        "scope", in: "clip",
        "with regularization.sam_radius the mean gradient is what can be clipped: use mean-gradient or bound"
      )
    } else if scope != .meanGradient, groups.contains(where: { $0.rate == 0 || $0.clip == .own }) {
      self.init(
        "scope", in: "clip",
        "scope \(scope.rawValue) limits whole gradients: with optimizer.groups that are frozen, or clipped by a norm of their own, use mean-gradient"
      )
    } else if report.noise == .microBatches && scope == .worker {
      self.init(
        "noise", in: "report", "with clip.scope worker the noise is measured over ranks")
    } else if report.noise == .microBatches && climbsAlone {
      self.init(
        "noise", in: "report",
        "with regularization.synchronized = false the noise is measured over ranks")
    } else if report.measuresSamples && regularization.ascent != nil {
      self.init(
        report.samples ? "samples" : "noise", in: "report",
        "with regularization.sam_radius a step's gradients are not those of its samples at its weights: single samples are not measured"
      )
    } else if report.noise == .samples && scope == .worker {
      self.init(
        "noise", in: "report",
        "with clip.scope worker the noise is measured over ranks, at report steps")
    } else if report.noiseLayers && report.noise == .samples {
      self.init(
        "noise_layers", in: "report",
        "the squares of a sample's gradient are summed over the tensors: use noise \"ranks\" or \"micro-batches\""
      )
    } else if report.noiseLayers && scope == .worker {
      self.init(
        "noise_layers", in: "report",
        "with clip.scope worker the squares by tensor are those of the clipped mean: leave it out, or use mean-gradient"
      )
    } else if report.noiseLayers && regularization.changesMean {
      self.init(
        "noise_layers", in: "report",
        "the squares by tensor are those of the mean gradient with its penalty: leave it out, or use decoupled l2"
      )
    } else {
      return nil
    }
  }

  /// The first conflict of a clip rule with the vector that it is to limit, and with the optimiser.
  package init?(
    _ clip: any ClipRule, of target: ClipTarget, _ scope: ClipScope,
    _ optimizer: any OptimizerRule
  ) {
    let rule = "\"\(type(of: clip).kind)\""
    let kind = type(of: optimizer).kind
    if clip.needs.contains(.secondMoment), optimizer.secondMoment == nil {
      self.init(
        "rule", in: "clip",
        "\(rule) works on the optimiser's mean of squares, which optimizer.kind \"\(kind)\" does not have: use adamw or lamb, or another rule"
      )
      return
    }
    guard target == .update else { return nil }
    if clip.needs.contains(.elements) {
      self.init(
        "of", in: "clip",
        "\(rule) limits single elements or rows of the gradient: for updates use a rule by norms, such as rms or global"
      )
    } else if clip.order != .two {
      self.init("order", in: "clip", "updates are clipped by their L2 norm: use order 2")
    } else if scope != .meanGradient {
      self.init("scope", in: "clip", "updates have scope mean-gradient alone")
    } else if optimizer.needs.contains(.evaluationWeights) {
      self.init(
        "of", in: "clip",
        "optimizer.kind \"\(kind)\" keeps weights of its own, which a clipped update would not reach: use of = \"gradient\""
      )
    } else {
      return nil
    }
  }
}
