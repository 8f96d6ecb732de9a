// Which of the compiled kernels are used: chosen once, before main, from what the CPU has and what LOCKSTEP_MAX_CPU allows. (Clang's
// target_clones chooses too, but in a resolver that runs before the environment can be read.)
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "CVectorKernels.h"
#include "table.h"

typedef struct { const char *name; const kernel_table *kernels; } instance;

// From the most demanding to the least.
static const instance instances[] = {
#if defined(__x86_64__)
    {"avx512", &kernels_avx512},
    {"avx2", &kernels_avx2},
    {"baseline", &kernels_baseline},
#else
    {"portable", &kernels_baseline},
#endif
};
enum { COUNT = sizeof instances / sizeof *instances };

static const kernel_table *chosen = &kernels_baseline;
static const char *instructions = instances[COUNT - 1].name;
static int limit_is_unknown = 0;

// The first that the CPU has.
static int first_supported(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return 0;
  if (__builtin_cpu_supports("x86-64-v3")) return 1;
#endif
  return COUNT - 1;
}

__attribute__((constructor)) static void choose(void) {
  int index = first_supported();
  const char *limit = getenv("LOCKSTEP_MAX_CPU");
  if (limit && *limit) {
    int allowed = 0;
    while (allowed < COUNT && strcasecmp(limit, instances[allowed].name) != 0) allowed++;
    limit_is_unknown = allowed == COUNT;
    if (allowed < COUNT && allowed > index) index = allowed;
  }
  chosen = instances[index].kernels;
  instructions = instances[index].name;
}

const char *cvk_instructions(void) { return instructions; }
int cvk_limit_is_unknown(void) { return limit_is_unknown; }

const char *cvk_vendor(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_is("amd")) return "amd";
  if (__builtin_cpu_is("intel")) return "intel";
#endif
  return "other";
}

int cvk_limit(const char *name) {
  int wanted = 0, now = 0;
  while (wanted < COUNT && strcmp(name, instances[wanted].name) != 0) wanted++;
  while (chosen != instances[now].kernels) now++;
  if (wanted == COUNT || now > wanted) return 0;
  chosen = instances[wanted].kernels;
  instructions = instances[wanted].name;
  return 1;
}

#define KERNEL(result, name, parameters, arguments) \
  result name parameters { return chosen->name arguments; }
#include "Kernels.def"
#undef KERNEL
