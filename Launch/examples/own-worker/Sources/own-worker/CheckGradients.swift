import Glibc
import Lockstep

/// `own-worker --check-gradients`: compares the gradients of the layer and the loss with differences
/// of the loss, prints the largest error, and ends with 1 where that is above 1 %.
func checkOwnGradients() -> Never {
  let samples = SampleShape(inputs: 2, labels: 1, classes: 3)
  do {
    let network = try Network(for: samples, loss: FocalLoss(gamma: 2)) {
      Dense(16, .tanh)
      ColumnScale(start: 0.5)
      Dense(.classes)
    }
    var batch = Batch(capacity: 8, shape: samples)
    var random = RandomStream(1)
    for index in batch.inputs.indices { batch.inputs[index] = Float(random.gaussian()) }
    for index in batch.labels.indices { batch.labels[index] = Int32(index % 3) }
    batch.count = 8
    var weights = FlatVector(zeros: network.layout)
    network.initialize(&weights, seed: 1)
    let check = checkGradients(of: network, on: batch, at: weights)
    for result in check.results { print("\(result.tensor): error \(result.error)") }
    exit(check.worst < 0.01 ? 0 : 1)
  } catch {
    print(error)
    exit(1)
  }
}
