/// Every claim, in the order they are told.
public let gallery: [Claim] = [
  .recurrentClip, .learningRate, .workerClip, .depth, .noiseFloor, .batchSize, .regularization, .policyGradient, .kMeansStop, .transformer,
  .longShortTermMemory,
]
