// Calls of Linux that Swift cannot see: variadic functions and macros.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <sys/prctl.h>

// No core dump, and no ptrace or /proc/PID/mem by others of the same user.
static inline int citycode_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

// The processors this process may run on.
static inline int citycode_processor_count(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}
