import MPI

/// Programs that train.
let trainingPrograms: [RankProgram] = []
