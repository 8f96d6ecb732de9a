#include "CFlightRecorder.h"
#include <signal.h>
#include <time.h>
#include <unistd.h>

cfr_record *cfr_current = 0;

uint64_t cfr_magic(void) { return 0x314C464B4C4F434Bull; }

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// Readers take torn values in their stride: they judge what has not changed for a second. The stores must only not be left out or moved past the call
// of MPI that follows.
#define SET(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELAXED)

uint64_t cfr_note(uint32_t kind, int32_t group, uint64_t bytes, int waits) {
  cfr_record *record = cfr_current;
  cfr_group *in = &record->groups[group];
  uint64_t number = record->entries + 1, time = now(), sequence = in->entered + 1;
  cfr_entry *entry = &record->ring[number % CFR_ENTRIES];
  SET(entry->number, number);
  SET(entry->group, in->identifier);
  SET(entry->sequence, sequence);
  SET(entry->bytes, bytes);
  SET(entry->step, record->step);
  SET(entry->entered, time);
  SET(entry->left, 0);
  SET(entry->kind, kind);
  SET(in->entered, sequence);
  if (waits) {
    SET(record->waiting_since, time);
    SET(record->waiting, number);
  }
  __atomic_store_n(&record->entries, number, __ATOMIC_RELEASE);
  return number;
}

void cfr_note_wait(uint64_t number) {
  SET(cfr_current->waiting_since, now());
  SET(cfr_current->waiting, number);
}

void cfr_note_end(uint64_t number) {
  cfr_record *record = cfr_current;
  cfr_entry *entry = &record->ring[number % CFR_ENTRIES];
  // More collectives than the ring holds may have been started since.
  if (entry->number == number) SET(entry->left, now());
  SET(record->waiting, 0);
}

static uint64_t mixed(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
  return value ^ (value >> 31);
}

int32_t cfr_add_group(int32_t parent, uint32_t first, uint32_t size) {
  cfr_record *record = cfr_current;
  if (!record) return -1;
  uint64_t above = 0, identifier = 1;
  if (parent >= 0) {
    above = record->groups[parent].identifier;
    identifier = mixed(mixed(above + 0x9E3779B97F4A7C15ull * (record->groups[parent].children + 1)) + first) | 2;
    SET(record->groups[parent].children, record->groups[parent].children + 1);
  }
  for (int32_t place = 0; place < CFR_GROUPS; place++) {
    cfr_group *group = &record->groups[place];
    if (group->identifier) continue;
    SET(group->parent, above);
    SET(group->entered, 0);
    SET(group->children, 0);
    SET(group->size, size);
    __atomic_store_n(&group->identifier, identifier, __ATOMIC_RELEASE);
    return place;
  }
  return -1;
}

void cfr_remove_group(int32_t group) {
  if (cfr_current && group > 0) SET(cfr_current->groups[group].identifier, 0);
}

void cfr_set_world(uint32_t rank, uint32_t size) {
  if (!cfr_current) return;
  SET(cfr_current->rank, (int32_t)rank);
  SET(cfr_current->size, (int32_t)size);
  SET(cfr_current->groups[0].size, size);
}

static int exit_code;

static void leave(int signal) {
  (void)signal;
  _exit(exit_code);
}

int cfr_exit_on_signal(int signal, int code) {
  static char stack[65536];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction action = {.sa_handler = leave, .sa_flags = SA_ONSTACK};
  exit_code = code;
  return sigaltstack(&alternate, 0) == 0 && sigaction(signal, &action, 0) == 0 ? 0 : -1;
}
