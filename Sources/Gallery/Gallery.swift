/// Every claim, in the order they are told.
public let gallery: [Claim] = [
  .learningRate, .depth, .noiseFloor, .batchSize, .regularization, .workerClip,
]
