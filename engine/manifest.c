/* manifest.c - see manifest.h. */
#include "engine/manifest.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/whole_file.h"

#define MANIFEST_READ_BYTES (64u << 10) /* asked of the file at once */

struct manifest_writer {
    struct whole_writer *file;
    struct manifest_encoder *encoder;
    uint64_t next_block;
};

struct manifest_reader {
    struct whole_reader *file;
    struct manifest_decoder *decoder;
    struct manifest_head head;
    struct manifest_end end;
    struct manifest_run run; /* what is left of the one under way */
    char path[256];          /* for errors */
    size_t have, used;       /* of bytes */
    unsigned char bytes[MANIFEST_READ_BYTES];
};

/* ---- Write ---- */

static bool manifest_put(void *arg, const void *bytes, size_t count, struct err *e)
{
    struct manifest_writer *writer = arg;

    return whole_writer_append(writer->file, bytes, count, e);
}

/* A slip of a name must not cost a disk, a key or whatever stands there. Empty: mktemp's. */
static bool manifest_may_replace(const char *path, struct err *e)
{
    struct err why = {0};
    struct whole_reader *file = whole_reader_open(path, &why);
    unsigned char begin[MANIFEST_MAGIC_BYTES];
    size_t have = 0;

    if (!file && why.sys_errno == ENOENT)
        return true;
    if (file)
        (void)whole_reader_read(file, begin, sizeof begin, &have, &why);
    whole_reader_close(file);
    if (err_is_set(&why)) {
        *e = why;
        return false;
    }
    return have == 0 || manifest_begins(begin, have) ||
           err_set(e, ERR_USAGE, RETRY_NEVER,
                   "%.200s is there and is no manifest; it is left as it is: remove it, or name "
                   "another file",
                   path);
}

static struct whole_writer *manifest_file_open(const char *path, struct err *e)
{
    return manifest_may_replace(path, e) ? whole_writer_open(path, e) : NULL;
}

struct manifest_writer *manifest_writer_open(const char *path, const struct manifest_head *head,
                                             struct err *e)
{
    struct manifest_writer *writer = calloc(1, sizeof *writer);
    struct manifest_output output = {manifest_put, writer};

    if (!writer) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to make a manifest");
        return NULL;
    }
    writer->file = manifest_file_open(path, e);
    if (writer->file)
        writer->encoder = manifest_encoder_new(head, &output, e);
    if (writer->encoder)
        return writer;
    err_prefix(e, "the manifest: ");
    manifest_writer_close(writer);
    return NULL;
}

bool manifest_writer_check(const char *path, struct err *e)
{
    struct whole_writer *file = manifest_file_open(path, e);

    if (!file)
        err_prefix(e, "the manifest: ");
    whole_writer_close(file);
    return file != NULL;
}

void manifest_writer_close(struct manifest_writer *writer)
{
    if (!writer)
        return;
    manifest_encoder_free(writer->encoder);
    whole_writer_close(writer->file);
    free(writer);
}

bool manifest_writer_blocks(void *arg, uint64_t first, uint64_t count,
                            const struct block_hash *hashes, struct err *e)
{
    struct manifest_writer *writer = arg;

    assert(first == writer->next_block);
    writer->next_block += count;
    if (manifest_encoder_blocks(writer->encoder, count, hashes, e))
        return true;
    err_prefix(e, "the manifest: ");
    return false;
}

bool manifest_writer_commit(struct manifest_writer *writer, struct manifest_end *end, struct err *e)
{
    if (manifest_encoder_end(writer->encoder, end, e) && whole_writer_commit(writer->file, e))
        return true;
    err_prefix(e, "the manifest: ");
    return false;
}

/* ---- Read ---- */

/* Goes on to the next run, or to the end of the manifest: then *out_ended is set. */
static bool manifest_read_on(struct manifest_reader *reader, bool *out_ended, struct err *e)
{
    for (;;) {
        enum manifest_step step = manifest_decoder_next(reader->decoder, &reader->run, e);

        switch (step) {
        case MANIFEST_FAILED:
            return false;
        case MANIFEST_RUN:
            return true;
        case MANIFEST_HEAD:
            continue;
        case MANIFEST_WANTS:
        case MANIFEST_END:
            break;
        }
        if (reader->used == reader->have) {
            reader->used = 0;
            if (!whole_reader_read(reader->file, reader->bytes, sizeof reader->bytes, &reader->have,
                                   e))
                return false;
        }
        if (reader->have == 0) {
            *out_ended = step == MANIFEST_END;
            return *out_ended || err_set(e, ERR_CORRUPT, RETRY_NEVER,
                                         "this is no whole manifest: it ends too early");
        }
        reader->used += manifest_decoder_push(reader->decoder, reader->bytes + reader->used,
                                              reader->have - reader->used);
    }
}

static bool manifest_begin_anew(struct manifest_reader *reader, struct err *e)
{
    manifest_decoder_free(reader->decoder);
    reader->decoder = manifest_decoder_new(e);
    reader->have = reader->used = 0;
    reader->run = (struct manifest_run){0};
    return reader->decoder && whole_reader_rewind(reader->file, e);
}

static bool manifest_read_whole(struct manifest_reader *reader, struct err *e)
{
    bool ended = false;

    while (!ended)
        if (!manifest_read_on(reader, &ended, e))
            return false;
    reader->head = *manifest_decoder_head(reader->decoder);
    reader->end = *manifest_decoder_end(reader->decoder);
    return true;
}

struct manifest_reader *manifest_reader_open(const char *path, struct err *e)
{
    struct manifest_reader *reader = calloc(1, sizeof *reader);

    if (!reader) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to read a manifest");
        return NULL;
    }
    snprintf(reader->path, sizeof reader->path, "%s", path);
    reader->file = whole_reader_open(path, e);
    if (reader->file && manifest_begin_anew(reader, e) && manifest_read_whole(reader, e) &&
        manifest_begin_anew(reader, e))
        return reader;
    err_prefix(e, "the manifest %.200s: ", reader->path);
    manifest_reader_close(reader);
    return NULL;
}

void manifest_reader_close(struct manifest_reader *reader)
{
    if (!reader)
        return;
    manifest_decoder_free(reader->decoder);
    whole_reader_close(reader->file);
    free(reader);
}

const struct manifest_head *manifest_reader_head(const struct manifest_reader *reader)
{
    return &reader->head;
}

const struct manifest_end *manifest_reader_end(const struct manifest_reader *reader)
{
    return &reader->end;
}

bool manifest_reader_next(struct manifest_reader *reader, uint64_t count_max,
                          struct manifest_run *out_run, struct err *e)
{
    bool ended = false;
    uint64_t count;

    assert(count_max > 0);
    if (reader->run.count == 0 && (!manifest_read_on(reader, &ended, e) || ended)) {
        if (ended) /* it was whole when it was opened */
            err_set(e, ERR_CORRUPT, RETRY_NEVER, "it was changed while it was read");
        err_prefix(e, "the manifest %.200s: ", reader->path);
        return false;
    }
    count = reader->run.count < count_max ? reader->run.count : count_max;
    *out_run = (struct manifest_run){reader->run.first_block, count, reader->run.hashes};
    reader->run.first_block += count;
    reader->run.count -= count;
    if (reader->run.hashes)
        reader->run.hashes += count;
    return true;
}

bool manifest_reader_finish(struct manifest_reader *reader, struct err *e)
{
    bool ended = false;

    if (!manifest_read_on(reader, &ended, e)) {
        err_prefix(e, "the manifest %.200s: ", reader->path);
        return false;
    }
    assert(ended); /* a decoder ends behind the last block */
    if (strcmp(manifest_decoder_end(reader->decoder)->root, reader->end.root) == 0)
        return true;
    return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                   "the manifest %.200s: it was changed while it was "
                   "read",
                   reader->path);
}

bool manifest_reader_rewind(struct manifest_reader *reader, struct err *e)
{
    return manifest_begin_anew(reader, e);
}
