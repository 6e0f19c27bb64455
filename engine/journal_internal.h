/* journal_internal.h - what journal.c (life, appending) and journal_read.c share. Included by them alone.
 *
 * Knows:         the whole of a journal.
 * Must not know: anything that journal.h must not.
 */
#ifndef ENGINE_JOURNAL_INTERNAL_H
#define ENGINE_JOURNAL_INTERNAL_H

#include <limits.h>
#include <stddef.h>

#include "engine/journal.h"

#define JOURNAL_WINDOW_BYTES     (512u << 10)
#define JOURNAL_PATH_SHOWN_BYTES 200

_Static_assert(JOURNAL_WINDOW_BYTES >= 2 * JOURNAL_RECORD_MAX_BYTES, "a record fits the window");

/* What only reading needs: large, and of many journals at once most are only appended to. */
struct journal_window {
    struct journal_record record;
    unsigned char bytes[JOURNAL_WINDOW_BYTES];
};

struct journal {
    /* set once */
    struct reactor *reactor;
    char path[PATH_MAX];
    int fd;
    uint64_t touched_s;
    void (*written)(void *arg, uint64_t records);
    void *written_arg;
    /* changes, reactor thread only */
    struct journal_header header;
    bool found;
    bool appending; /* everything was read, or nothing was there */
    uint64_t salt;
    uint64_t header_end; /* of what was found */
    uint64_t end;        /* behind the last record read or written */
    uint64_t file_bytes; /* of the file */
    struct err failed;
    /* reading */
    struct journal_window *window; /* NULL once everything was read */
    uint64_t window_at;            /* offset of its first byte in the file */
    size_t window_bytes;
    bool unread;
    /* appending */
    unsigned char *noted; /* records without checksum: [0, sealed) may be written */
    size_t noted_bytes, noted_room, sealed_bytes;
    uint64_t noted_count, sealed_count, written_count;
    struct timer sync_timer;
    struct reactor_op sync_op;
    bool dirty, syncing;
    /* a sync that is waited for; done NULL: none */
    struct reactor_op file_op, folder_op;
    int folder_fd; /* -1: its name is not new */
    uint32_t sync_parts;
    bool sync_joins; /* waits for the one that was under way, too */
    int sync_errno;
    void (*sync_waits)(void *arg, const struct err *error);
    void *sync_arg;
};

/* ---- journal.c ---- */
/* The first failure stays; *e is it. */
bool journal_fail_errno(struct journal *j, int why, const char *what, struct err *e);
bool journal_corrupt(const struct journal *j, struct err *e, const char *what);

/* ---- journal_sync.c ---- */
/* Something was written: it is synced within JOURNAL_SYNC_NS. */
void journal_touched(struct journal *j);

/* ---- journal_read.c ---- */
/* What is in the file: nothing, a journal (found and header are set), or something not to be touched. */
bool journal_look(struct journal *j, struct err *e);
/* No further record will be read. */
void journal_read_end(struct journal *j);

#endif
