/* pack_bench.c - what a first send of a disk would cost, by way of packing it: bytes and CPU.
 *
 *     pack_bench DISK [LEVEL]
 *
 * Against one zstd stream of the allocated bytes stand independent frames, with dedup by blocks of
 * several sizes, long-distance matching, a larger window, and a dictionary. One thread; reads DISK
 * through the page cache. The last way is the packer itself.
 */
#define ZSTD_STATIC_LINKING_ONLY
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zdict.h>
#include <zstd.h>

#include "blockmap/block_id.h"
#include "blockmap/stream_pack.h"
#include "blockmap/zero.h"
#include "io/clock.h"

#define FRAME_MAX_BYTES  (4u << 20)
#define REFERENCE_BYTES  52u /* of a block sent as a reference: a piece of a COPY record */
#define RECORD_BYTES     64u /* around a frame: frame, pieces, checks */
#define TRAINED_BYTES    (112u << 10)
#define SAMPLE_BYTES     4096u
#define SAMPLE_STEP      (1u << 20) /* of the disk, one sample in each */
#define ALLOCATED_RUNS   65536u
#define MIB              (1024.0 * 1024.0)
#define GIB              (1024.0 * MIB)
#define SEEN_LOAD_FACTOR 2u

struct disk {
    const unsigned char *bytes;
    uint64_t size;
    struct run {
        uint64_t offset, length;
    } runs[ALLOCATED_RUNS]; /* allocated */
    size_t runs_count;
    uint64_t allocated_bytes;
};

struct way {
    const char *name;
    uint32_t frame_bytes;
    uint32_t block_bytes; /* of dedup and zero detection */
    bool dedup, long_distance;
    int window_log; /* 0: as the level says */
    bool dictionary;
    bool packer; /* as blockmap/stream_pack.c does it, raw records and all */
};

struct packing {
    const struct way *way;
    int level;
    ZSTD_CCtx *zstd;
    struct stream_packer *packer;
    unsigned char *frame; /* what the open frame gathered */
    size_t frame_used;
    unsigned char *out;
    size_t out_max;
    struct block_id *seen; /* open addressing; all zero: free */
    uint64_t seen_mask;
    uint64_t wire_bytes, frames, references, zero_bytes, stored_raw, hashed_ns;
};

static void die(const char *what)
{
    fprintf(stderr, "pack_bench: %s\n", what);
    exit(1);
}

static void *need(void *memory)
{
    if (!memory)
        die("out of memory");
    return memory;
}

static size_t sound(size_t answer)
{
    if (ZSTD_isError(answer))
        die(ZSTD_getErrorName(answer));
    return answer;
}

static void disk_open(struct disk *disk, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    off_t at = 0, end;
    void *mapped;

    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
        die("cannot open the disk");
    disk->size = (uint64_t)st.st_size;
    mapped = mmap(NULL, disk->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED)
        die("cannot map the disk");
    disk->bytes = mapped;
    while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
        end = lseek(fd, at, SEEK_HOLE);
        if (end <= at || disk->runs_count == ALLOCATED_RUNS)
            die("cannot list what is allocated");
        disk->runs[disk->runs_count++] = (struct run){(uint64_t)at, (uint64_t)(end - at)};
        disk->allocated_bytes += (uint64_t)(end - at);
        at = end;
    }
    close(fd);
}

/* ---- One stream: what the frames are measured against ---- */

static uint64_t one_stream(const struct disk *disk, int level)
{
    ZSTD_CCtx *zstd = need(ZSTD_createCCtx());
    size_t out_max = ZSTD_CStreamOutSize();
    void *out = need(malloc(out_max));
    uint64_t total = 0;

    sound(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level));
    for (size_t i = 0; i <= disk->runs_count; i++) {
        bool last = i == disk->runs_count;
        ZSTD_inBuffer in = {last ? NULL : disk->bytes + disk->runs[i].offset,
                            last ? 0 : disk->runs[i].length, 0};
        size_t left;

        do {
            ZSTD_outBuffer piece = {out, out_max, 0};

            left =
                sound(ZSTD_compressStream2(zstd, &piece, &in, last ? ZSTD_e_end : ZSTD_e_continue));
            total += piece.pos;
        } while (last ? left > 0 : in.pos < in.size);
    }
    free(out);
    ZSTD_freeCCtx(zstd);
    return total;
}

/* ---- Independent frames ---- */

static void pack_frame(struct packing *p)
{
    struct stream_part part = {0, (uint32_t)p->frame_used, p->frame};
    struct stream_packed packed;
    struct err e = {0};

    if (!stream_pack(p->packer, p->frames, &part, 1, p->level, p->out, &packed, &e))
        die(e.text);
    p->wire_bytes += packed.record_bytes;
    p->stored_raw += packed.stored_raw;
    p->frames++;
    p->frame_used = 0;
}

static void close_frame(struct packing *p)
{
    if (p->frame_used == 0)
        return;
    if (p->way->packer) {
        pack_frame(p);
        return;
    }
    p->wire_bytes +=
        RECORD_BYTES + sound(ZSTD_compress2(p->zstd, p->out, p->out_max, p->frame, p->frame_used));
    p->frames++;
    p->frame_used = 0;
}

/* True: it was there before. */
static bool seen_before(struct packing *p, const void *block, uint32_t length)
{
    uint64_t begun_ns = clock_thread_cpu_ns(), at;
    struct block_id id = block_id_of(block, length);

    memcpy(&at, id.bytes, sizeof at);
    for (at &= p->seen_mask; !zero_is(p->seen[at].bytes, BLOCK_ID_BYTES);
         at = (at + 1) & p->seen_mask) {
        if (block_id_equal(&p->seen[at], &id)) {
            p->hashed_ns += clock_thread_cpu_ns() - begun_ns;
            return true;
        }
    }
    p->seen[at] = id;
    p->hashed_ns += clock_thread_cpu_ns() - begun_ns;
    return false;
}

static void take_block(struct packing *p, const unsigned char *block, uint32_t length)
{
    if (zero_is(block, length)) {
        p->zero_bytes += length;
        return;
    }
    if (p->way->dedup && length == p->way->block_bytes && seen_before(p, block, length)) {
        p->wire_bytes += REFERENCE_BYTES;
        p->references++;
        return;
    }
    if (p->frame_used + length > p->way->frame_bytes)
        close_frame(p);
    memcpy(p->frame + p->frame_used, block, length);
    p->frame_used += length;
}

/* Short samples from the whole disk, as a receiver could have been given once. */
static void add_dictionary(struct packing *p, const struct disk *disk)
{
    size_t most = disk->allocated_bytes / SAMPLE_STEP + disk->runs_count, count = 0;
    unsigned char *samples = need(malloc(most * SAMPLE_BYTES));
    size_t *sizes = need(malloc(most * sizeof *sizes));
    void *trained = need(malloc(TRAINED_BYTES));
    size_t trained_bytes;

    for (size_t i = 0; i < disk->runs_count; i++) {
        for (uint64_t at = 0; at + SAMPLE_BYTES <= disk->runs[i].length; at += SAMPLE_STEP) {
            memcpy(samples + count * SAMPLE_BYTES, disk->bytes + disk->runs[i].offset + at,
                   SAMPLE_BYTES);
            sizes[count++] = SAMPLE_BYTES;
        }
    }
    trained_bytes = ZDICT_trainFromBuffer(trained, TRAINED_BYTES, samples, sizes, (unsigned)count);
    if (ZDICT_isError(trained_bytes))
        die("no dictionary came of the samples");
    sound(ZSTD_CCtx_loadDictionary(p->zstd, trained, trained_bytes));
    p->wire_bytes += trained_bytes;
    free(trained);
    free(sizes);
    free(samples);
}

static void packing_open(struct packing *p, const struct disk *disk, const struct way *way,
                         int level)
{
    uint64_t slots = 1;
    struct err e = {0};

    memset(p, 0, sizeof *p);
    p->way = way;
    p->level = level;
    p->packer = stream_packer_new(&e);
    if (!p->packer)
        die(e.text);
    p->zstd = need(ZSTD_createCCtx());
    sound(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, level));
    if (way->long_distance)
        sound(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_enableLongDistanceMatching, 1));
    if (way->window_log)
        sound(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_windowLog, way->window_log));
    if (way->dictionary)
        add_dictionary(p, disk);
    while (slots < SEEN_LOAD_FACTOR * (disk->allocated_bytes / way->block_bytes + 1))
        slots *= 2;
    p->seen = need(calloc(way->dedup ? slots : 1, sizeof *p->seen));
    p->seen_mask = slots - 1;
    p->frame = need(malloc(way->frame_bytes));
    p->out_max = STREAM_FRAME_BYTES + STREAM_PAYLOAD_MAX_BYTES;
    p->out = need(malloc(p->out_max));
}

static void packing_close(struct packing *p)
{
    free(p->out);
    free(p->frame);
    free(p->seen);
    stream_packer_free(p->packer);
    ZSTD_freeCCtx(p->zstd);
}

static void measure(const struct disk *disk, const struct way *way, int level, uint64_t reference)
{
    struct packing p;
    uint64_t begun_ns, cpu_ns;

    begun_ns = clock_thread_cpu_ns();
    packing_open(&p, disk, way, level);
    for (size_t i = 0; i < disk->runs_count; i++) {
        uint64_t at = disk->runs[i].offset, end = at + disk->runs[i].length;

        while (at < end) {
            uint64_t next = (at / way->block_bytes + 1) * way->block_bytes;

            if (next > end)
                next = end;
            take_block(&p, disk->bytes + at, (uint32_t)(next - at));
            at = next;
        }
    }
    close_frame(&p);
    cpu_ns = clock_thread_cpu_ns() - begun_ns;
    printf("| %s | %d | %.1f | %.4f | %.2f | %.2f | %lu | %lu | %lu |\n", way->name, level,
           (double)p.wire_bytes / MIB, (double)p.wire_bytes / (double)reference,
           (double)cpu_ns / 1e9 / ((double)disk->allocated_bytes / GIB),
           (double)p.hashed_ns / 1e9 / ((double)disk->allocated_bytes / GIB),
           (unsigned long)p.frames, (unsigned long)p.stored_raw, (unsigned long)p.references);
    fflush(stdout);
    packing_close(&p);
}

int main(int argc, char **argv)
{
    static struct disk disk;
    static const struct way ways[] = {
        {.name = "frames of 128 KiB", .frame_bytes = 128u << 10, .block_bytes = 64u << 10},
        {.name = "frames of 1 MiB", .frame_bytes = 1024u << 10, .block_bytes = 64u << 10},
        {.name = "frames of 4 MiB", .frame_bytes = 4096u << 10, .block_bytes = 64u << 10},
        {.name = "4 MiB, dedup 64 KiB",
         .frame_bytes = 4096u << 10,
         .block_bytes = 64u << 10,
         .dedup = true},
        {.name = "4 MiB, dedup 32 KiB",
         .frame_bytes = 4096u << 10,
         .block_bytes = 32u << 10,
         .dedup = true},
        {.name = "4 MiB, dedup 16 KiB",
         .frame_bytes = 4096u << 10,
         .block_bytes = 16u << 10,
         .dedup = true},
        {.name = "4 MiB, dedup 8 KiB",
         .frame_bytes = 4096u << 10,
         .block_bytes = 8u << 10,
         .dedup = true},
        {.name = "dedup 64 KiB, window 4 MiB",
         .frame_bytes = 4096u << 10,
         .block_bytes = 64u << 10,
         .dedup = true,
         .window_log = 22},
        {.name = "dedup 64 KiB, window 4 MiB, long distance",
         .frame_bytes = 4096u << 10,
         .block_bytes = 64u << 10,
         .dedup = true,
         .long_distance = true,
         .window_log = 22},
        {.name = "dedup 64 KiB, window 4 MiB, dictionary",
         .frame_bytes = 4096u << 10,
         .block_bytes = 64u << 10,
         .dedup = true,
         .window_log = 22,
         .dictionary = true},
        {.name = "stream_pack, dedup 64 KiB",
         .frame_bytes = 4096u << 10,
         .block_bytes = 64u << 10,
         .dedup = true,
         .window_log = 22,
         .packer = true},
    };
    int level = argc > 2 ? atoi(argv[2]) : 3;
    uint64_t reference, begun_ns;

    if (argc < 2 || argc > 3)
        die("usage: pack_bench DISK [LEVEL]");
    disk_open(&disk, argv[1]);
    begun_ns = clock_thread_cpu_ns();
    reference = one_stream(&disk, level);
    printf("allocated %.1f MiB; one stream at level %d: %.1f MiB, %.2f CPU s/GiB\n\n",
           (double)disk.allocated_bytes / MIB, level, (double)reference / MIB,
           (double)(clock_thread_cpu_ns() - begun_ns) / 1e9 / ((double)disk.allocated_bytes / GIB));
    printf("| way | level | wire MiB | of one stream | CPU s/GiB | of it hashing | frames | "
           "of them raw | references |\n"
           "|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        measure(&disk, &ways[i], level, reference);
    return 0;
}
