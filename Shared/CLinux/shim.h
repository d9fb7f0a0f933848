// Calls of Linux that Swift cannot see: variadic functions and macros.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

// No core dump, and no ptrace or /proc/PID/mem by others of the same user.
static inline int citycode_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

// The processors this process may run on.
static inline int citycode_processor_count(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

// Raises the limit of open descriptors to at least `wanted` if it may, and returns what it is now.
static inline long long citycode_raise_descriptor_limit(long long wanted) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < (rlim_t)wanted) {
    rlim_t most = limit.rlim_max < (rlim_t)wanted ? limit.rlim_max : (rlim_t)wanted;
    struct rlimit raised = {most, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return (long long)most;
  }
  return limit.rlim_cur > 1000000000 ? 1000000000 : (long long)limit.rlim_cur;
}
