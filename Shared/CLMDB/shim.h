#include <lmdb.h>
// Which file system a directory lies on: not in Swift's Glibc module.
#include <sys/statfs.h>
