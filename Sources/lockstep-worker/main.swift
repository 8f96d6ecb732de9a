import Lockstep

LockstepWorker.main()
