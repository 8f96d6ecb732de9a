// A rank's flight recorder: which collectives it entered and left, how far its work came. Plain stores into memory that another process reads while
// the rank hangs.
#ifndef LOCKSTEP_FLIGHT_RECORDER_H
#define LOCKSTEP_FLIGHT_RECORDER_H
#include <stddef.h>
#include <stdint.h>

enum {
  CFR_ENTRIES = 256,
  CFR_GROUPS = 32,
  CFR_TEXT = 1024,
  CFR_PATH = 4096,
};

/// One collective of a rank. Times are nanoseconds of CLOCK_MONOTONIC; `left` is 0 until it is over.
typedef struct {
  uint64_t number, group, sequence, bytes, step, entered, left;
  uint32_t kind, reserved;
} cfr_entry;

/// A communicator that the rank belongs to: `entered` is the sequence number of its last collective there, `children` counts what was split from it.
typedef struct {
  uint64_t identifier, parent, entered, children;
  uint32_t size, reserved;
} cfr_group;

/// A text that one process writes once and another reads: its length is stored last.
typedef struct {
  uint32_t length;
  char bytes[CFR_TEXT];
} cfr_text;

/// All that one rank notes. The rank alone writes, but for `listening`, which is its watcher's.
typedef struct {
  uint64_t magic, byte_count;
  int32_t rank, size, local_size, process;
  uint64_t started;
  char host[256];
  uint32_t phase, directory_length;
  uint64_t step, progress, entries;
  /// The number of the entry that the rank waits in, 0 where it does not, and since when.
  uint64_t waiting, waiting_since;
  cfr_text listening, invitation;
  char directory[CFR_PATH];
  cfr_group groups[CFR_GROUPS];
  cfr_entry ring[CFR_ENTRIES];
} cfr_record;

/// This process's record; null where none is kept.
extern cfr_record *cfr_current;
static inline cfr_record *cfr_own(void) { return cfr_current; }
static inline void cfr_keep(cfr_record *record) { cfr_current = record; }

/// What a record begins with.
uint64_t cfr_magic(void);

/// Notes a collective and, where `waits`, that the rank is in it now; returns the entry's number.
uint64_t cfr_note(uint32_t kind, int32_t group, uint64_t bytes, int waits);
/// The rank waits for an entry that was started before.
void cfr_note_wait(uint64_t number);
/// An entry is over.
void cfr_note_end(uint64_t number);

/// Enters a communicator split from `parent`, identified by its first rank in the world, or the world itself (-1). Returns its place, or -1 where there is none.
int32_t cfr_add_group(int32_t parent, uint32_t first, uint32_t size);
void cfr_remove_group(int32_t group);
/// What MPI says of this process, where the launcher had not.
void cfr_set_world(uint32_t rank, uint32_t size);

/// Has a signal end this process with an exit code at once, on a stack of the handler's own: matrix products may have the stack pointer in a heap buffer.
int cfr_exit_on_signal(int signal, int code);

static inline uint64_t cfr_enter(uint32_t kind, int32_t group, uint64_t bytes) {
  return cfr_current && group >= 0 ? cfr_note(kind, group, bytes, 1) : 0;
}
static inline uint64_t cfr_start(uint32_t kind, int32_t group, uint64_t bytes) {
  return cfr_current && group >= 0 ? cfr_note(kind, group, bytes, 0) : 0;
}
static inline void cfr_wait(uint64_t number) {
  if (number) cfr_note_wait(number);
}
static inline void cfr_leave(uint64_t number) {
  if (number) cfr_note_end(number);
}
/// Something was done: a product, a tensor, a micro-batch, a piece of a file. Any thread may call it.
static inline void cfr_advance(void) {
  if (cfr_current) __atomic_fetch_add(&cfr_current->progress, 1, __ATOMIC_RELAXED);
}
static inline void cfr_set_phase(uint32_t phase) {
  if (cfr_current) __atomic_store_n(&cfr_current->phase, phase, __ATOMIC_RELAXED);
}
static inline void cfr_set_step(uint64_t step) {
  if (cfr_current) __atomic_store_n(&cfr_current->step, step, __ATOMIC_RELAXED);
}
#endif
