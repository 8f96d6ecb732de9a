#ifndef LOCKSTEP_EARLY_SIGNALS_H
#define LOCKSTEP_EARLY_SIGNALS_H
/// Nothing to call: linking this target is enough (`early.c`).
#endif
