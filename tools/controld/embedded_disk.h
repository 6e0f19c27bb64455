/* embedded_disk.h - one disk of the sample machine: a real file system, brought into a region once.
 *
 * Knows:         how its content is made (mkfs.ext4, or a pattern without it), the program that copies it.
 * Must not know: regions, keys; the URL that it is given is opaque and secret.
 * Threads:       the reactor's.
 *
 * Killed at any moment, it is made anew or copied anew the next time; once NAME.made is in the folder,
 * nothing is done any more.
 */
#ifndef CONTROLD_EMBEDDED_DISK_H
#define CONTROLD_EMBEDDED_DISK_H

#include "blockmap/err.h"
#include "io/reactor.h"

#define EMBEDDED_DISK_BYTES (64u << 20)

struct embedded_disk;

struct embedded_disk_setup { /* texts are borrowed until the disk is freed */
    struct reactor *reactor;
    const char *snapferry; /* the program */
    const char *folder;    /* is there; of all disks */
    const char *name;      /* "os", "data" */
    /* Where it is to be: malloc'd, secret; NULL: no memory. */
    char *(*target)(void *arg, struct embedded_disk *disk);
    /* Once: it is there; or an error. The disk may be freed in here. */
    void (*done)(void *arg, const struct err *error);
    void *arg;
};

/* done follows, never from inside. */
struct embedded_disk *embedded_disk_start(const struct embedded_disk_setup *setup, struct err *e);
void embedded_disk_free(struct embedded_disk *disk); /* NULL is fine; what runs for it is ended */
const char *embedded_disk_name(const struct embedded_disk *disk);

#endif
