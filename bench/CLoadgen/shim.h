// Calls of Linux that the load generator needs and Swift's Glibc module does not have.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <sys/epoll.h>

// Keeps the calling thread on one processor; 0 when that was done.
static inline int loadgen_pin_thread(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  return sched_setaffinity(0, sizeof set, &set);
}
