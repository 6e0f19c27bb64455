/* stream_feed.c - see stream_feed.h. */
#include "io/stream_feed.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#define CHUNK_BYTES (1u << 20)

struct stream_feed {
    /* set once */
    struct reactor *reactor;
    struct byte_stream *in;
    void (*told)(void *arg, const struct stream_record *record, const struct err *error);
    void *arg;
    uint64_t start_bytes; /* of the stream in its file */
    /* changes */
    struct stream_reader *reader;
    struct reactor_task task;
    bool busy;
    bool at_end; /* no more bytes will come */
    size_t have, used;
    unsigned char chunk[CHUNK_BYTES];
};

struct stream_feed *stream_feed_new(struct reactor *r, struct byte_stream *in,
                                    void (*told)(void *arg, const struct stream_record *record,
                                                 const struct err *error),
                                    void *arg, struct err *e)
{
    struct stream_feed *feed = calloc(1, sizeof *feed);

    if (!feed) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to read a stream");
        return NULL;
    }
    feed->reactor = r;
    feed->in = in;
    feed->told = told;
    feed->arg = arg;
    feed->start_bytes = in->at_bytes;
    feed->reader = stream_reader_new(false, 0, e);
    if (feed->reader)
        return feed;
    free(feed);
    return NULL;
}

void stream_feed_free(struct stream_feed *feed)
{
    if (!feed)
        return;
    assert(!feed->busy);
    stream_reader_free(feed->reader);
    free(feed);
}

static void feed_tell(struct stream_feed *feed, const struct stream_record *record,
                      const struct err *error)
{
    feed->busy = false;
    feed->told(feed->arg, record, error);
}

static void feed_read(void *arg, size_t moved, const struct err *error);

/* From the reactor: until a record is whole, or more bytes must come. */
static void feed_go_on(struct stream_feed *feed)
{
    struct stream_record record;
    struct err error = {0};

    for (;;) {
        switch (stream_reader_next(feed->reader, &record, &error)) {
        case STREAM_RECORD:
            feed_tell(feed, &record, &error);
            return;
        case STREAM_FAILED:
            feed_tell(feed, NULL, &error);
            return;
        case STREAM_WANTS:
        case STREAM_ENDED:
            break;
        }
        if (feed->used < feed->have) {
            feed->used +=
                stream_reader_push(feed->reader, feed->chunk + feed->used, feed->have - feed->used);
            continue;
        }
        if (!feed->at_end) {
            byte_stream_read(feed->in, feed->chunk, CHUNK_BYTES, feed_read, feed);
            return;
        }
        (void)stream_reader_finish(feed->reader, &error);
        feed_tell(feed, NULL, &error);
        return;
    }
}

static void feed_read(void *arg, size_t moved, const struct err *error)
{
    struct stream_feed *feed = arg;

    if (err_is_set(error)) {
        feed_tell(feed, NULL, error);
        return;
    }
    feed->have = moved;
    feed->used = 0;
    feed->at_end = moved == 0;
    feed_go_on(feed);
}

static void feed_begin(struct reactor_task *task)
{
    feed_go_on((struct stream_feed *)((char *)task - offsetof(struct stream_feed, task)));
}

void stream_feed_next(struct stream_feed *feed)
{
    assert(!feed->busy);
    feed->busy = true;
    reactor_post(feed->reactor, &feed->task, feed_begin);
}

bool stream_feed_busy(const struct stream_feed *feed)
{
    return feed->busy;
}

bool stream_feed_rewind(struct stream_feed *feed)
{
    struct stream_reader *reader;
    struct err ignored = {0};

    assert(!feed->busy);
    if (!feed->in->seekable)
        return false;
    reader = stream_reader_new(false, 0, &ignored);
    if (!reader)
        return false;
    stream_reader_free(feed->reader);
    feed->reader = reader;
    feed->have = feed->used = 0;
    feed->at_end = false;
    byte_stream_rewind(feed->in, feed->start_bytes);
    return true;
}
