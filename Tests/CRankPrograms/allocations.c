#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "CRankPrograms.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

// A program's own malloc takes the place of the C library's, for every library that it uses; the library's stays reachable under these names. A
// sanitizer has its own: with it nothing is counted.
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

enum { DEPTH = 14, STACKS = 4096, CALLERS = 256 };

typedef struct {
  void *frames[DEPTH];
  int depth;
  long calls, bytes;
} stack;

// Counts one thread alone: MPI has others, which are no part of a step.
static __thread int is_counting;
static crp_allocations counted;
static stack stacks[STACKS];
static int stack_count, keeps_stacks;

static void note_stack(size_t size) {
  stack now = {.depth = 0};
  now.depth = backtrace(now.frames, DEPTH);
  for (int i = 0; i < stack_count; i++)
    if (stacks[i].depth == now.depth && memcmp(stacks[i].frames, now.frames, sizeof now.frames) == 0) {
      stacks[i].calls++;
      stacks[i].bytes += (long)size;
      return;
    }
  if (stack_count == STACKS) return;
  now.calls = 1;
  now.bytes = (long)size;
  stacks[stack_count++] = now;
}

// Whether code is in a library of the matrix products or of MPI, or in C++'s, which oneDNN uses:
// their memory is counted apart.
static int is_foreign(void *code) {
  static struct { void *code; int is_foreign; } known[CALLERS];
  static int known_count;
  for (int i = 0; i < known_count; i++)
    if (known[i].code == code) return known[i].is_foreign;
  Dl_info info = {0};
  int answer = 0;
  if (dladdr(code, &info) && info.dli_fname) {
    static const char *const names[] = {"libdnnl", "libmpi", "libucp", "libucs", "libfabric", "openmpi", "libopen-", "pmix", "libevent", "libgomp", "libstdc++"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) answer |= strstr(info.dli_fname, names[i]) != NULL;
  }
  if (known_count < CALLERS) {
    known[known_count].code = code;
    known[known_count++].is_foreign = answer;
  }
  return answer;
}

static void note(size_t size, void *caller) {
  if (!is_counting) return;
  // Allocations of the recording itself do not count.
  is_counting = 0;
  if (is_foreign(caller)) {
    counted.foreign_calls++;
    counted.foreign_bytes += (long)size;
  } else {
    counted.calls++;
    counted.bytes += (long)size;
    if ((long)size > counted.largest) counted.largest = (long)size;
    if (keeps_stacks) note_stack(size);
  }
  is_counting = 1;
}

#ifndef SANITIZED
#define NOTE(size) note(size, __builtin_return_address(0))

void *malloc(size_t size) {
  NOTE(size);
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  NOTE(count * size);
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  NOTE(size);
  return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
  NOTE(size);
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  NOTE(size);
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  NOTE(size);
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}
#endif

static long faults_before;

static long faults(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

void crp_count_allocations(int with_stacks) {
  memset(&counted, 0, sizeof counted);
  stack_count = 0;
  keeps_stacks = with_stacks;
  // The first one loads a library.
  void *frame[1];
  backtrace(frame, 1);
  faults_before = faults();
  is_counting = 1;
}

crp_allocations crp_counted_allocations(void) {
  is_counting = 0;
  counted.page_faults = faults() - faults_before;
  return counted;
}

void crp_print_allocation_stacks(int most) {
  for (int n = 0; n < most && n < stack_count; n++) {
    int best = n;
    for (int i = n; i < stack_count; i++)
      if (stacks[i].bytes > stacks[best].bytes) best = i;
    stack chosen = stacks[best];
    stacks[best] = stacks[n];
    stacks[n] = chosen;
    fprintf(stderr, "%ld calls, %ld bytes\n", chosen.calls, chosen.bytes);
    fflush(stderr);
    backtrace_symbols_fd(chosen.frames + 3, chosen.depth - 3, STDERR_FILENO);
  }
}
