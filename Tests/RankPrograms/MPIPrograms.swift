import MPI

/// Programs that try the binding alone.
let mpiPrograms: [RankProgram] = []
