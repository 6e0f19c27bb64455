/* marker.h - the commit marker of a target: what a copy wrote there, and whether it finished.
 *
 * Knows:         the marker's fields and their text form, key by key (design: "Identity, base,
 *                marker, root").
 * Must not know: where a target keeps it (metadata of a blob, a sidecar beside a file).
 * Threads:       none; a value.
 */
#ifndef BLOCKMAP_MARKER_H
#define BLOCKMAP_MARKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"

#define MARKER_UUID_MAX_BYTES   37u
#define MARKER_SOURCE_MAX_BYTES 2048u
#define MARKER_DIGEST_MAX_BYTES 72u /* "sha256:" and 64 hex digits, and the NUL */
#define MARKER_FIELDS_MAX       8u

enum marker_state { MARKER_NONE, MARKER_COPYING, MARKER_COMPLETE };
enum marker_footer {
    MARKER_FOOTER_UNKNOWN, /* of a marker that does not say */
    MARKER_FOOTER_NONE,    /* a raw disk: the marker alone says that it is whole */
    MARKER_FOOTER_VHD      /* of a fixed disk, in the last page */
};

struct marker {
    enum marker_state state;
    char copy_uuid[MARKER_UUID_MAX_BYTES];
    char source[MARKER_SOURCE_MAX_BYTES];    /* identity of the source, never a SAS */
    uint64_t size_bytes;                     /* of the target, footer included */
    enum marker_footer footer;               /* what the target ends with when it is whole */
    char root[MARKER_DIGEST_MAX_BYTES];      /* empty unless this copy knows the root */
    char base_root[MARKER_DIGEST_MAX_BYTES]; /* of a delta: the base's root, if it was known */
    char delta[MARKER_DIGEST_MAX_BYTES];     /* of a delta: digest of what it changed */
};

/* One field as metadata: a C identifier and printable ASCII. Text that is not printable ASCII
 * stands percent-encoded. */
struct marker_field {
    const char *name; /* static: "snapferry_state", ... */
    char value[MARKER_SOURCE_MAX_BYTES * 3 + 1];
};

/* Every name a marker may use, so that a writer can drop stale ones; ends with NULL. */
extern const char *const marker_names[MARKER_FIELDS_MAX + 1];

/* Writes the fields that are set; returns how many (at most MARKER_FIELDS_MAX). */
size_t marker_encode(const struct marker *m, struct marker_field out_fields[MARKER_FIELDS_MAX]);

/* Takes one name (compared ignoring case) and value into *m. Names that are not ours are ignored;
 * a value that does not parse, or a name that comes twice, is an error (ERR_CORRUPT) and leaves *m
 * as it was. *m starts zeroed. */
bool marker_decode_field(struct marker *m, const char *name, const char *value, struct err *e);

/* After all fields: a marker without state is MARKER_NONE; one with a state but without the fields
 * that state needs (copy_uuid, source, size) is an error. */
bool marker_decode_end(struct marker *m, struct err *e);

/* A new random UUID (version 4) from 16 random bytes. */
void marker_uuid_from(const unsigned char random[16], char out_uuid[MARKER_UUID_MAX_BYTES]);

#endif
