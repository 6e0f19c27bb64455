/* catalog_disk_points.h - rows of disk restore points. Read catalog.h first: it has the rules.
 *
 * Knows:         the table.
 * Must not know: how a disk is cut, copied or shown.
 * Threads:       as catalog.h.
 */
#ifndef CONTROLD_CATALOG_DISK_POINTS_H
#define CONTROLD_CATALOG_DISK_POINTS_H

#include <stdint.h>

#include "tools/controld/catalog.h"
#include "tools/controld/catalog_words.h"

struct catalog_disk_point {
    const char *id;
    const char *point_id; /* must exist */
    const char *name;     /* of the disk, as the VM calls it */
    const char *disk_id;  /* the disk's own resource id */
    enum catalog_role role;
    int64_t lun;          /* -1: the OS disk */
    const char *facts;    /* JSON of it when it was cut: osType, uniqueId..., or NULL */
    const char *family;   /* guid, must exist; NULL: none yet */
    const char *location; /* where its bytes are */
    const char *source_location;
    const char *region; /* the config's name of the account; with container and blob: the place */
    const char *container;
    const char *blob;
    const char *snapshot; /* time of the blob's snapshot; NULL until it is cut or complete */
    const char *cut_path; /* cut_place.h: a cut that is to be carried into the blob, or dropped */
    int64_t size_bytes;
    const char *code; /* ReplicationState/... */
    double percent;   /* 0 to 100 */
    enum catalog_level level;
    const char *message;
    const char *source_disk_point_id; /* of a copy, else NULL */
    const char *base_disk_point_id;   /* of a delta; NULL: a full copy, or not begun */
    const char *base_source_id; /* of a delta by the service: what the base's content is called, */
    const char *base_place;     /* and its snapshot (cut_place.h) */
    const char *encryption_type;
    const char *encryption_set_id;
    const char *root;      /* sha256:..., NULL while not known */
    const char *verified;  /* JSON: what the last verification found (verify_finding.h), or NULL */
    int64_t changed_bytes; /* how much had to move, and how much of it crossed the wire */
    int64_t wire_bytes;
    int64_t created_ns;
    int64_t begun_ns;
    int64_t ended_ns;
};

struct catalog_disk_point_list {
    struct catalog_disk_point *rows;
    size_t count;
    bool more;
};

void catalog_disk_point_fini(struct catalog_disk_point *row);
void catalog_disk_point_list_fini(struct catalog_disk_point_list *list);

bool catalog_disk_point_get(struct catalog *c, const char *id, struct catalog_disk_point *out_row,
                            struct err *e);
bool catalog_disk_point_put(struct catalog *c, const struct catalog_disk_point *row, struct err *e);
bool catalog_disk_point_delete(struct catalog *c, const char *id, struct err *e);

/* percent below the one kept leaves that: it never goes back. message NULL: none. */
bool catalog_disk_point_set_progress(struct catalog *c, const char *id, const char *code,
                                     double percent, enum catalog_level level, const char *message,
                                     struct err *e);
/* The snapshot that is the restore point from now on; a cut of a raw disk is no longer needed. */
bool catalog_disk_point_set_snapshot(struct catalog *c, const char *id, const char *snapshot,
                                     const char *root, int64_t ended_ns, struct err *e);

/* What a verification found; root, unless NULL, is kept if none was known. */
bool catalog_disk_point_set_verified(struct catalog *c, const char *id, const char *verified,
                                     const char *root, struct err *e);

/* Of one restore point. */
bool catalog_disk_point_list(struct catalog *c, const char *point_id,
                             const struct catalog_page *page,
                             struct catalog_disk_point_list *out_list, struct err *e);
/* Of one chain; those copied from one disk restore point; those that are a delta of one. */
bool catalog_disk_point_list_of_family(struct catalog *c, const char *family,
                                       const struct catalog_page *page,
                                       struct catalog_disk_point_list *out_list, struct err *e);
bool catalog_disk_point_list_of_source(struct catalog *c, const char *source_disk_point_id,
                                       const struct catalog_page *page,
                                       struct catalog_disk_point_list *out_list, struct err *e);
bool catalog_disk_point_list_of_base(struct catalog *c, const char *base_disk_point_id,
                                     const struct catalog_page *page,
                                     struct catalog_disk_point_list *out_list, struct err *e);
/* Where its cut lies; NULL: it is gone. */
bool catalog_disk_point_set_cut(struct catalog *c, const char *id, const char *cut_path,
                                struct err *e);
/* Those that are complete, and whose cut is not gone yet. */
bool catalog_disk_point_list_left_cuts(struct catalog *c, const struct catalog_page *page,
                                       struct catalog_disk_point_list *out_list, struct err *e);
/* Those that lie in a blob, or that are cut from it for another region (cut_place.h). */
bool catalog_disk_point_list_of_blob(struct catalog *c, const char *region, const char *container,
                                     const char *blob, const struct catalog_page *page,
                                     struct catalog_disk_point_list *out_list, struct err *e);
/* Whose ended_ns is 0: what a restart goes on with. */
bool catalog_disk_point_list_unended(struct catalog *c, const struct catalog_page *page,
                                     struct catalog_disk_point_list *out_list, struct err *e);

#endif
