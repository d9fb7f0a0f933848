/* What reading a random holder's status costs in C: the verifier's status cache through liblmdb,
 * one read transaction renewed every 32 reads as the verifier renews its own once a turn.
 *
 *   lmdb-loop CACHE-DIRECTORY SECONDS
 *
 * The cache's table "meta" holds under "state" generation and page count (big-endian, 4 bytes
 * each); "pages" holds under generation << 32 | page number 16 bytes and 508 statuses of 8.
 * The services that use the cache must be running: users.lock then names their PID namespace,
 * which must be ours, since LMDB knows readers by their PIDs. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 16, STATUSES = 508, PAGE = 4080, READS_A_RENEWAL = 32 };

static void check(int result, const char *what) {
    if (result == 0) return;
    fprintf(stderr, "%s: %s\n", what, mdb_strerror(result));
    exit(1);
}

static uint32_t big_endian(const unsigned char *b) {
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Joins the users for as long as the process lives. Exits unless all are of one PID namespace. */
static void join_users(const char *directory) {
    char path[PATH_MAX], stamp[64] = {0}, ours[64] = {0};
    snprintf(path, sizeof path, "%s/users.lock", directory);
    int lock = open(path, O_RDONLY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_SH | LOCK_NB) != 0) {
        perror(path);
        exit(1);
    }
    if (read(lock, stamp, sizeof stamp - 1) <= 0 ||
        readlink("/proc/self/ns/pid", ours, sizeof ours - 1) <= 0 || strcmp(stamp, ours) != 0) {
        fprintf(stderr, "%s: used in another PID namespace\n", directory);
        exit(1);
    }
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: lmdb-loop CACHE-DIRECTORY SECONDS\n");
        return 2;
    }
    join_users(arguments[1]);
    double duration = atof(arguments[2]);
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi pages, meta;
    check(mdb_env_create(&env), "environment");
    check(mdb_env_set_mapsize(env, (size_t)64 << 30), "map size");
    check(mdb_env_set_maxdbs(env, 8), "tables");
    check(mdb_env_open(env, arguments[1], MDB_RDONLY | MDB_NOTLS | MDB_NORDAHEAD, 0640), "open");
    check(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "begin");
    check(mdb_dbi_open(txn, "meta", 0, &meta), "meta");
    check(mdb_dbi_open(txn, "pages", MDB_INTEGERKEY, &pages), "pages");
    check(mdb_txn_commit(txn), "commit");
    check(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "begin");

    uint64_t random = 0x9E3779B97F4A7C15u ^ (uint64_t)getpid(), sum = 0, reads = 0, found = 0;
    uint32_t generation = 0, page_count = 0;
    double start = seconds_now(), elapsed;
    do {
        for (int turn = 0; turn < 1000; turn++) {
            MDB_val key = {5, "state"}, value;
            mdb_txn_reset(txn);
            check(mdb_txn_renew(txn), "renew");
            check(mdb_get(txn, meta, &key, &value), "state");
            if (value.mv_size < 8) return 1;
            generation = big_endian(value.mv_data);
            page_count = big_endian((unsigned char *)value.mv_data + 4);
            if (page_count == 0) {
                fprintf(stderr, "the cache is empty\n");
                return 1;
            }
            for (int read = 0; read < READS_A_RENEWAL; read++) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                uint64_t serial = random % ((uint64_t)page_count * STATUSES), status;
                uint64_t number = (uint64_t)generation << 32 | serial / STATUSES;
                MDB_val at = {sizeof number, &number}, page;
                int result = mdb_get(txn, pages, &at, &page);
                reads++;
                if (result == MDB_NOTFOUND) continue;
                check(result, "page");
                if (page.mv_size != PAGE) return 1;
                memcpy(&status, (char *)page.mv_data + HEADER + 8 * (serial % STATUSES), 8);
                sum += status;
                found += status != 0;
            }
        }
        elapsed = seconds_now() - start;
    } while (elapsed < duration);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    if (found == 0) {
        fprintf(stderr, "no status was found\n");
        return 1;
    }
    printf("reads_per_second=%.0f people=%" PRIu64 " found=%" PRIu64 " reads=%" PRIu64
           " sum=%" PRIx64 "\n",
           (double)reads / elapsed, (uint64_t)page_count * STATUSES, found, reads, sum);
    return 0;
}
