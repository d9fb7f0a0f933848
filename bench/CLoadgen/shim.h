// Calls of Linux that the load generator needs and Swift's Glibc module does not have. Without
// _GNU_SOURCE: with it <sys/select.h>, which epoll brings, has other names in this module than in
// Swift's own, and a target that sees both does not compile.
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

// Keeps the calling thread on one processor below 1,024; 0 when that was done.
static inline int loadgen_pin_thread(int processor) {
  unsigned long set[1024 / (8 * sizeof(unsigned long))] = {0};
  unsigned long bits = 8 * sizeof set[0];
  set[processor / bits] = 1ul << (processor % bits);
  return (int)syscall(SYS_sched_setaffinity, 0, sizeof set, set);
}
