/* endpoint_file_parts.h - what the files of the file endpoint share. Private to io/endpoint_file*.c.
 *
 * Knows: the endpoint's insides. Must not know: what a disk contains. Threads: the reactor's.
 */
#ifndef IO_ENDPOINT_FILE_PARTS_H
#define IO_ENDPOINT_FILE_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "io/endpoint_file.h"
#include "io/endpoint_later.h"
#include "io/reactor.h"

#define FILE_BIRTH_MAX_BYTES  64u
#define ENDPOINT_FILE_SIDECAR ".snapferry" /* its name is the file's and this */

/* How ranges become zero here; found out by trying, from the best down. */
enum file_zero_method { FILE_ZERO_PUNCH, FILE_ZERO_RANGE, FILE_ZERO_WRITE };

struct file_op;

struct endpoint_file {
    struct endpoint head; /* first */
    struct endpoint_later later;
    /* set at open */
    char *path;
    char *state_path;
    bool writable;
    enum endpoint_file_direct direct;
    /* set once the file is there */
    int fd; /* -1: absent */
    bool block_device;
    dev_t device; /* of the node itself, to notice when path names another */
    ino_t inode;
    char device_etag[64];  /* a block device's: good for this opening only */
    int direct_fd;         /* -1: everything goes through the page cache */
    uint32_t direct_align; /* of offset, length */
    uint32_t direct_mem_align;
    /* changes */
    bool claimed;                          /* locked: no other copy writes it */
    bool marked;                           /* this endpoint has set a marker */
    char copy_uuid[MARKER_UUID_MAX_BYTES]; /* of the marker the last stat saw; "" = none */
    enum file_zero_method zero_method;
    uint64_t direct_count;
    struct file_op *free_ops;
};

static inline struct endpoint_file *endpoint_file_of(struct endpoint *ep)
{
    return (struct endpoint_file *)ep;
}

/* ---- endpoint_file_node.c: finding, opening, making ---- */
/* Opens path if it is there; absent is no error (fd stays -1). */
bool file_node_open(struct endpoint_file *f, struct err *e);
/* Size now. False where the open file is no longer what path names, or has no size for a disk. */
bool file_node_look(struct endpoint_file *f, struct stat *out_stat, uint64_t *out_size_bytes,
                    struct err *e);
bool file_node_create(struct endpoint_file *f, uint64_t size_bytes, const struct marker *marker,
                      struct err *e);
/* Keeps other copies out until it is closed; ERR_CONFLICT when one is at work. */
bool file_node_claim(struct endpoint_file *f, struct err *e);
bool file_node_resize(struct endpoint_file *f, uint64_t size_bytes, struct err *e);
bool file_node_remove(struct endpoint_file *f, struct err *e); /* with its sidecar; now absent */
void file_node_etag(const struct endpoint_file *f, const struct stat *st,
                    char out_etag[ENDPOINT_ETAG_MAX_BYTES]);
/* What a file of the same name that is made later has not; "" where nobody tells, and of a device. */
void file_node_birth(const struct endpoint_file *f, char out_birth[FILE_BIRTH_MAX_BYTES]);
void file_node_close(struct endpoint_file *f);

/* ---- endpoint_file_direct.c: past the page cache or not ---- */
void file_direct_open(struct endpoint_file *f, uint64_t size_bytes); /* quietly nothing if not */
bool file_direct_fits(const struct endpoint_file *f, uint64_t offset, uint64_t length,
                      const void *memory);

/* ---- endpoint_file_blocks.c: moving bytes ---- */
void file_blocks_read(struct endpoint *ep, struct block_req *req);
void file_blocks_write(struct endpoint *ep, struct block_req *req);
void file_blocks_zero(struct endpoint *ep, struct block_req *req);
void file_blocks_flush(struct endpoint *ep, struct block_req *req);
void file_blocks_fini(struct endpoint_file *f);

/* ---- file_map.c: where data may be ---- */
void file_map_list(struct endpoint *ep, struct list_req *req);

/* ---- file_marker.c: the sidecar ---- */
/* birth: as file_node_birth told it of the file when the marker was written; "" = not known. */
bool file_marker_read(const char *path, struct marker *out_marker,
                      char out_birth[FILE_BIRTH_MAX_BYTES], struct err *e);
bool file_marker_write(const char *path, const struct marker *marker, const char *birth,
                       struct err *e);
bool file_marker_remove(const char *path, struct err *e); /* none is there: fine */

#endif
