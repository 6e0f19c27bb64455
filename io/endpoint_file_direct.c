/* endpoint_file_direct.c - when a file is read and written past the page cache (O_DIRECT).
 *
 * Knows:         what alignment the kernel asks for.
 * Must not know: what is moved.
 *
 * A target goes direct with all its requests or with none: a buffered write beside a direct one of the
 * same page or folio can leave a stale page in the cache, and whoever reads the target next gets that.
 * So a target goes direct only where pages of 512 bytes are aligned enough; on disks with sectors of
 * 4096 bytes, or a kernel that does not say (before 6.1, files only), it is written buffered.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "io/endpoint_file_parts.h"

static bool find_alignment(struct endpoint_file *f)
{
    int sector_bytes = 0;

    if (f->block_device) {
        if (ioctl(f->fd, BLKSSZGET, &sector_bytes) != 0 || sector_bytes <= 0)
            return false;
        f->direct_align = f->direct_mem_align = (uint32_t)sector_bytes;
        return true;
    }
#ifdef STATX_DIOALIGN
    struct statx sx;

    if (statx(f->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) == 0 &&
        (sx.stx_mask & STATX_DIOALIGN) && sx.stx_dio_offset_align && sx.stx_dio_mem_align) {
        f->direct_align = sx.stx_dio_offset_align;
        f->direct_mem_align = sx.stx_dio_mem_align;
        return true;
    }
#endif
    return false;
}

static bool wanted(const struct endpoint_file *f, uint64_t size_bytes)
{
    switch (f->direct) {
    case ENDPOINT_FILE_DIRECT_ON:
        return true;
    case ENDPOINT_FILE_DIRECT_OFF:
        return false;
    case ENDPOINT_FILE_DIRECT_AUTO:
        break;
    }
    return f->block_device || (f->writable && size_bytes >= ENDPOINT_FILE_DIRECT_MIN_BYTES);
}

void file_direct_open(struct endpoint_file *f, uint64_t size_bytes)
{
    char same_file[32];

    if (f->direct_fd >= 0 || !wanted(f, size_bytes) || !find_alignment(f))
        return;
    if (f->writable &&
        (f->direct_align > ENDPOINT_PAGE_BYTES || f->direct_mem_align > ENDPOINT_PAGE_BYTES))
        return;
    /* Another description of the same file, even if path names another by now. */
    snprintf(same_file, sizeof same_file, "/proc/self/fd/%d", f->fd);
    f->direct_fd = open(same_file, (f->writable ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
}

bool file_direct_fits(const struct endpoint_file *f, uint64_t offset, uint64_t length,
                      const void *memory)
{
    return f->direct_fd >= 0 && offset % f->direct_align == 0 && length % f->direct_align == 0 &&
           (uintptr_t)memory % f->direct_mem_align == 0;
}
