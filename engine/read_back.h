/* read_back.h - reads a disk whole into nothing and tells the hash of each of its blocks, in order.
 *
 * Knows:         one endpoint, how many of its bytes are the disk: neither its marker nor its last page
 *                is asked.
 * Must not know: what the hashes are compared with or kept for.
 * Threads:       the reactor's.
 *
 * It is a copy to an end that keeps nothing: holes are not read, reads are retried and paced. A disk that is
 * written to meanwhile is an error.
 */
#ifndef ENGINE_READ_BACK_H
#define ENGINE_READ_BACK_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/copy.h"
#include "io/bufpool.h"
#include "io/endpoint.h"
#include "io/reactor.h"

struct read_back;

struct read_back_setup {
    struct reactor *reactor; /* these three are borrowed until it is freed */
    struct endpoint *disk;
    struct bufpool *pool;
    struct access *access; /* of its URL; NULL: it is what it is */
    uint64_t disk_bytes;   /* from its start; what follows is not told of */
    uint64_t size_bytes;   /* its whole length: another is an error */
    struct root_sink sink; /* one that fails ends it with that error */
    uint32_t window_start; /* as copy_options */
    uint32_t window_max;
    struct share_seat *seat; /* as copy_options; the disk is its target */
    uint64_t random_seed;
    void (*done)(void *arg); /* once, from the reactor; it may be freed in here */
    void *arg;
};

/* ---- Life ---- */
struct read_back *read_back_new(const struct read_back_setup *setup, struct err *e);
void read_back_free(struct read_back *back); /* NULL is fine; not while it runs */

/* ---- Use ---- */
void read_back_start(struct read_back *back);
void read_back_stop(struct read_back *back); /* ends with ERR_CANCELED */

/* ---- Look ---- */
bool read_back_ended(const struct read_back *back);
const struct err *read_back_error(const struct read_back *back);
const struct copy_summary *
read_back_summary(const struct read_back *back); /* root, counts, times */
const struct stat_req *
read_back_stat(const struct read_back *back); /* of the disk, as first found */
/* The last 512 bytes of the endpoint, a footer perhaps; a view. */
const unsigned char *read_back_last_page(const struct read_back *back);
bool read_back_waits(const struct read_back *back); /* for access */
struct progress_view read_back_progress(struct read_back *back);

#endif
