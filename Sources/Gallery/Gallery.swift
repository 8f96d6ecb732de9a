/// Every claim, in the order of the output.
public let gallery: [Claim] = [
  .recurrentClip, .learningRate, .workerClip, .depth, .noiseFloor, .batchSize, .regularization,
  .policyGradient, .kMeansStop, .transformer, .llama, .longShortTermMemory, .residualNetwork,
  .spikes, .incidents, .sampleNoise, .mislabelled, .criticalBatch, .muon,
]
