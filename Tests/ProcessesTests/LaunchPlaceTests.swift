import Processes
import Testing

/// What a rank's environment says of its launcher, with the variables that real ones set.
struct LaunchPlaceTests {
  private static let openMPI4 = [
    "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "PMIX_NAMESPACE": "job", "PMIX_RANK": "3",
    "OMPI_MCA_orte_ess_num_procs": "4",
  ]
  private static let hydra = [
    "PMI_RANK": "3", "PMI_SIZE": "4", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2", "PMI_FD": "8",
  ]

  private func place(_ variables: [String: String]) -> LaunchPlace { LaunchPlace { variables[$0] } }

  @Test func everyLaunchersNumbersAreRead() {
    for variables in [Self.openMPI4, Self.hydra] {
      let place = place(variables)
      #expect(
        place.rank == 3 && place.size == 4 && place.localRank == 1 && place.localSize == 2
          && place.isLaunched)
    }
    // srun --mpi=pmix, and without anything.
    let slurm = place(["PMIX_RANK": "3", "SLURM_NTASKS": "4", "SLURM_LOCALID": "1"])
    #expect(slurm.rank == 3 && slurm.size == 4 && slurm.localRank == 1 && slurm.localSize == 0)
    let alone = place([:])
    #expect(alone.rank == 0 && alone.size == 1 && alone.localSize == 1 && !alone.isLaunched)
  }

  /// In an allocation, Slurm's numbers are those of the launcher's daemon.
  @Test func slurmsNumbersDoNotHideTheLaunchers() {
    let daemon = ["SLURM_PROCID": "0", "SLURM_NTASKS": "1", "SLURM_LOCALID": "0"]
    let place = place(Self.hydra.merging(daemon) { a, _ in a })
    #expect(place.rank == 3 && place.size == 4 && place.localRank == 1)
  }

  @Test func theLauncherIsNamedWhereItIsCertain() {
    #expect(place(Self.openMPI4).launcher?.family == .openMPI(major: 4))
    let five = Self.openMPI4.merging(["OMPI_VERSION": "5.0.11"]) { a, _ in a }
    #expect(place(five).launcher?.description == "Open MPI 5.0.11")
    #expect(place(Self.hydra).launcher?.family == .mpich)
    // One inside the other, and srun: either may be meant.
    #expect(place(Self.hydra.merging(Self.openMPI4) { a, _ in a }).launcher == nil)
    #expect(place(["PMIX_RANK": "0", "SLURM_NTASKS": "2"]).launcher == nil)
  }
}

struct MPINameTests {
  @Test func librariesAndLaunchersAreKnownByTheirOwnWords() {
    func name(_ text: String) -> String { MPIName(text).description }
    #expect(name("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4") == "Open MPI 4.1.4")
    #expect(name("MPICH Version:      4.0.2\nMPICH Release date: x\n") == "MPICH 4.0.2")
    #expect(name("mpirun (Open MPI) 5.0.11\n\nReport bugs to x") == "Open MPI 5.0.11")
    #expect(name("mpirun (OpenRTE) 4.1.4") == "Open MPI 4.1.4")
    #expect(
      MPIName("MPI VERSION    : CRAY MPICH version 8.1.25.17 (ANL base 3.4a2)").family == .mpich)
    #expect(MPIName("Intel(R) MPI Library 2021.9 for Linux* OS").family == .mpich)
    #expect(MPIName("").family == .other)
  }

  @Test func anMpirunStartsProgramsOfItsOwnFamily() {
    func starts(_ mpirun: String, _ library: String) -> Bool {
      MPIName(mpirun).starts(programsOf: MPIName(library))
    }
    #expect(starts("mpirun (Open MPI) 4.1.4", "Open MPI v4.1.6"))
    #expect(!starts("mpirun (Open MPI) 5.0.1", "Open MPI v4.1.6"))
    #expect(!starts("mpirun (Open MPI) 4.1.4", "MPICH Version: 4.0.2"))
    #expect(starts("HYDRA build details:\n Version: 5.0.1", "MPICH Version: 4.0.2"))
    #expect(starts("something", "MPICH Version: 4.0.2"), "what is not known is not refused")
  }
}
