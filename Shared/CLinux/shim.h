// Calls of Linux that Swift cannot see: variadic functions and macros.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

// No core dump, and no ptrace or /proc/PID/mem by others of the same user.
static inline int citycode_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

// The processors this process may run on.
static inline int citycode_processor_count(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

// Raises the limit of open descriptors to `wanted` if it may, and returns what it is now. By system
// call, because modules see the types of <sys/resource.h> differently.
long syscall(long number, ...);
static inline long long citycode_raise_descriptor_limit(unsigned long long wanted) {
  const int descriptors = 7;  // RLIMIT_NOFILE
  struct { unsigned long long now, most; } limit, raised;
  if (syscall(SYS_prlimit64, 0, descriptors, 0, &limit) != 0) return 0;
  if (limit.now < wanted) {
    raised = limit;
    raised.now = limit.most < wanted ? limit.most : wanted;
    if (syscall(SYS_prlimit64, 0, descriptors, &raised, 0) == 0) limit = raised;
  }
  return limit.now > 1000000000 ? 1000000000 : (long long)limit.now;
}

// Has the system begin to write out a range of a file; what it cannot do it leaves.
static inline void citycode_start_writing(int file, long long start, long long byte_count) {
  const int write_only = 2;  // SYNC_FILE_RANGE_WRITE
  syscall(SYS_sync_file_range, file, start, byte_count, write_only);
}

// Puts the calling thread into the class of those that run when nobody else wants to, or back.
static inline void citycode_set_idle_priority(int is_idle) {
  const struct sched_param none = {0};
  sched_setscheduler(0, is_idle ? SCHED_IDLE : SCHED_OTHER, &none);
}
