/* relay_stub.c - see relay_stub.h. */
#include "tests/support/relay_stub.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/stream_read.h"
#include "io/crc64.h"

static void answer_bytes(struct http_call *call, int status, const void *bytes, size_t count)
{
    struct http_reply reply = {.status = status, .body = bytes, .body_bytes = count};

    http_call_answer(call, &reply);
}

static void answer_json(struct http_call *call, int status, char *take)
{
    answer_bytes(call, status, take, strlen(take));
    free(take);
}

/* ---- Writing ---- */

static void put(struct relay_stub *stub, uint64_t offset, const void *bytes, uint64_t count)
{
    cr_assert(offset <= STUB_DISK_BYTES && count <= STUB_DISK_BYTES - offset);
    if (bytes)
        memcpy(stub->disk + offset, bytes, count);
    else
        memset(stub->disk + offset, 0, count);
    memset(stub->was + offset / 512, 1, count / 512);
    for (uint64_t at = (offset + 65535) / 65536 * 65536; bytes && at + 65536 <= offset + count;
         at += 65536) {
        cr_assert(stub->id_count < STUB_IDS_MAX);
        stub->ids[stub->id_count] = block_id_of(stub->disk + at, 65536);
        stub->id_offsets[stub->id_count++] = at;
    }
}

static uint32_t find_id(const struct relay_stub *stub, const struct block_id *id)
{
    uint32_t i = stub->id_count;

    while (i > 0 && !block_id_equal(&stub->ids[i - 1], id))
        i--;
    return i; /* 0: not there */
}

static void take_data(struct relay_stub *stub, const struct stream_record *record)
{
    static struct stream_piece pieces[STREAM_PIECES_MAX];
    static unsigned char raw[STREAM_RAW_MAX_BYTES];
    uint32_t bytes, at = 0, count = stream_data_pieces(record, pieces, &bytes);
    struct err e = {0};

    cr_assert(stream_data_decode(record, raw, bytes, &e), "%s", e.text);
    for (uint32_t i = 0; i < count; at += (uint32_t)pieces[i++].length)
        put(stub, pieces[i].offset, raw + at, pieces[i].length);
    stub->data_records++;
    stub->data_bytes += bytes;
}

static void take_zero(struct relay_stub *stub, const struct stream_record *record)
{
    static struct stream_piece pieces[STREAM_PIECES_MAX];
    uint32_t count = stream_zero_decode(record, pieces);

    for (uint32_t i = 0; i < count; i++) {
        put(stub, pieces[i].offset, NULL, pieces[i].length);
        stub->zero_bytes += pieces[i].length;
    }
    stub->zero_records++;
}

static uint32_t take_copy(struct relay_stub *stub, const struct stream_record *record,
                          struct relay_missing *missing)
{
    static struct stream_copy_piece pieces[STREAM_PIECES_MAX];
    uint32_t count = stream_copy_decode(record, pieces), missed = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = find_id(stub, &pieces[i].id);
        unsigned char block[65536];

        cr_assert_eq(pieces[i].from, STREAM_FROM_INDEX);
        cr_assert_eq(pieces[i].length, 65536);
        stub->copy_pieces++;
        if (!place || stub->forget) {
            missing[missed++] = (struct relay_missing){record->number, i};
            continue;
        }
        memcpy(block, stub->disk + stub->id_offsets[place - 1], sizeof block);
        put(stub, pieces[i].offset, block, sizeof block);
    }
    if (stub->lie_missing)
        missing[missed++] = (struct relay_missing){record->number + 7, 0};
    return missed;
}

static void take_write(struct relay_stub *stub, struct http_call *call)
{
    static struct relay_missing missing[RELAY_MISSING_MAX];
    struct err e = {0};
    struct stream_reader *reader = stream_reader_new(true, STUB_DISK_BYTES, &e);
    struct stream_record record;
    uint32_t missed = 0;
    size_t count, used = 0;
    const unsigned char *body = http_call_body(call, &count);
    enum stream_step step;

    cr_assert(reader && count > 0);
    stub->body_bytes += count;
    if (count > stub->largest_body_bytes)
        stub->largest_body_bytes = count;
    do {
        used += stream_reader_push(reader, body + used, count - used);
        step = stream_reader_next(reader, &record, &e);
        cr_assert(step != STREAM_FAILED, "%s", e.text);
        if (step == STREAM_RECORD && record.kind == STREAM_DATA)
            take_data(stub, &record);
        else if (step == STREAM_RECORD && record.kind == STREAM_ZERO)
            take_zero(stub, &record);
        else if (step == STREAM_RECORD && record.kind == STREAM_COPY)
            missed += take_copy(stub, &record, missing + missed);
    } while (step == STREAM_RECORD || used < count);
    cr_assert(stream_reader_finish(reader, &e), "%s", e.text);
    stream_reader_free(reader);
    answer_json(call, 200, relay_missing_json(missing, missed));
}

static void on_write(struct relay_stub *stub, struct http_call *call)
{
    if (stub->refuse_writes) {
        stub->refuse_writes--;
        answer_json(call, relay_error_status(&stub->refusal), relay_error_json(&stub->refusal));
    } else if (stub->hold) {
        stub->held[stub->writes_now++] = call;
        if (stub->writes_now > stub->writes_at_once)
            stub->writes_at_once = stub->writes_now;
    } else {
        take_write(stub, call);
    }
}

void relay_stub_release(struct relay_stub *stub)
{
    stub->hold = false;
    for (unsigned i = 0; i < stub->writes_now; i++)
        take_write(stub, stub->held[i]);
    stub->writes_now = 0;
}

/* ---- All else ---- */

static void on_have(struct relay_stub *stub, struct http_call *call)
{
    static unsigned char bits[RELAY_HAVE_IDS_MAX / 8];
    size_t count;
    const struct block_id *ids = http_call_body(call, &count);

    cr_assert(count > 0 && count % BLOCK_ID_BYTES == 0);
    count /= BLOCK_ID_BYTES;
    memset(bits, 0, sizeof bits);
    for (size_t i = 0; i < count; i++)
        if (find_id(stub, &ids[i]))
            bits[i / 8] |= (unsigned char)(1u << i % 8);
    answer_bytes(call, 200, bits, (count + 7) / 8 + stub->short_answer);
}

static void on_read(struct relay_stub *stub, struct http_call *call)
{
    char crc[CRC64_HEADER_MAX_BYTES];
    struct http_header header = {"x-ms-content-crc64", crc};
    uint64_t offset = strtoull(http_call_query(call, "offset"), NULL, 10);
    uint64_t length = strtoull(http_call_query(call, "length"), NULL, 10);
    struct http_reply reply = {.status = 200,
                               .headers = &header,
                               .header_count = 1,
                               .body = stub->disk + offset,
                               .body_bytes = length};

    crc64_to_header(crc64_update(0, stub->disk + offset, length), crc);
    http_call_answer(call, &reply);
}

static void on_stat(struct http_call *call)
{
    struct stat_req stat = {.exists = true, .size_bytes = STUB_DISK_BYTES, .etag = "one"};
    struct relay_nature nature = {.align_bytes = 512,
                                  .request_cost_bytes = 123456,
                                  .clear_max_bytes = UINT64_MAX,
                                  .capabilities = ENDPOINT_CAN_LIST | ENDPOINT_CAN_MARK |
                                                  ENDPOINT_CAN_FENCE | ENDPOINT_CAN_LEASE |
                                                  ENDPOINT_CHECKS_CRC64};

    answer_json(call, 200, relay_stat_json(&stat, &nature));
}

/* Two pages of a list: one extent in each half of what is asked. */
static void on_list(struct relay_stub *stub, struct http_call *call)
{
    struct extent_set data = {0}, clears = {0};
    struct list_req list = {.out_data = &data, .out_clears = &clears};
    uint64_t offset = strtoull(http_call_query(call, "offset"), NULL, 10);
    uint64_t up_to = offset < STUB_DISK_BYTES / 2 ? STUB_DISK_BYTES / 2 : STUB_DISK_BYTES;
    struct extent extent = {up_to - (1u << 20), 512};

    list.size_bytes = STUB_DISK_BYTES;
    if (stub->shrinks && offset > 0)
        list.size_bytes = 512;
    else
        cr_assert(extent_set_add(&data, extent));
    answer_json(call, 200, relay_list_json(&list, up_to));
    extent_set_fini(&data);
}

static void on_setup(struct relay_stub *stub, struct http_call *call)
{
    struct relay_setup setup;
    struct err e = {0};
    size_t count;
    const char *json = http_call_body(call, &count);

    cr_assert(relay_setup_parse(json, count, &setup, &e), "%s", e.text);
    snprintf(stub->last_setup, sizeof stub->last_setup, "%d", (int)setup.req.verb);
    snprintf(setup.req.out_etag, sizeof setup.req.out_etag, "two");
    answer_json(call, 200, relay_setup_answer_json(&setup.req));
}

static void keep_header(struct http_call *call, const char *name, char *out, size_t max)
{
    const char *value = http_call_header(call, name);

    snprintf(out, max, "%s", value ? value : "");
}

static void on_ready(void *arg, struct http_call *call)
{
    struct relay_stub *stub = arg;
    enum relay_verb verb;
    const char *name;

    cr_assert(relay_path_parse(http_call_path(call), &verb, &name));
    cr_assert_str_eq(name, "a/disk");
    stub->calls[verb]++;
    keep_header(call, RELAY_HEADER_GENERATION, stub->generation, sizeof stub->generation);
    keep_header(call, RELAY_HEADER_LEASE, stub->lease, sizeof stub->lease);
    keep_header(call, RELAY_HEADER_SENDER, stub->sender, sizeof stub->sender);
    keep_header(call, RELAY_HEADER_SIZE, stub->size, sizeof stub->size);
    cr_assert_str_eq(http_call_header(call, RELAY_HEADER_VERSION), RELAY_VERSION);
    if (verb == RELAY_STAT)
        on_stat(call);
    else if (verb == RELAY_SETUP)
        on_setup(stub, call);
    else if (verb == RELAY_LIST)
        on_list(stub, call);
    else if (verb == RELAY_READ)
        on_read(stub, call);
    else if (verb == RELAY_HAVE)
        on_have(stub, call);
    else if (verb == RELAY_WRITE)
        on_write(stub, call);
    else
        answer_bytes(call, 200, "{}", 2);
}

static void on_call(void *arg, struct http_call *call)
{
    (void)arg, (void)call;
}

/* ---- Life ---- */

void relay_stub_begin(struct relay_stub *stub, enum reactor_backend backend,
                      const struct endpoint_relay_options *options)
{
    const struct http_server_handler handler = {on_call, on_ready, on_call, stub};
    const struct http_server_options server = {
        .host = "127.0.0.1", .memory_budget_bytes = 64ull * HTTP_SERVER_BODY_MAX_BYTES};
    const struct http_options client = {.connections_max = ENDPOINT_RELAY_CONNECTIONS};
    struct secret_url url;
    struct err e = {0};
    char text[128];

    memset(stub, 0, sizeof *stub);
    stub->disk = malloc(STUB_DISK_BYTES);
    stub->was = calloc(1, STUB_DISK_BYTES / 512);
    memset(stub->disk, 0xEE, STUB_DISK_BYTES);
    rig_open(&stub->rig, backend);
    stub->server = http_server_new(stub->rig.r, &server, &handler, &e);
    cr_assert(stub->server, "%s", e.text);
    stub->http = http_new(stub->rig.r, &client, &e);
    stub->workers = workers_new(stub->rig.r, 2, &e);
    cr_assert(stub->http && stub->workers, "%s", e.text);
    snprintf(text, sizeof text, "http://127.0.0.1:%u/a/disk", http_server_port(stub->server));
    cr_assert(secret_url_parse(text, &url, &e), "%s", e.text);
    stub->ep = endpoint_relay_new(stub->http, stub->workers, &url, options, &e);
    cr_assert(stub->ep, "%s", e.text);
}

void relay_stub_end(struct relay_stub *stub)
{
    endpoint_close(stub->ep);
    http_free(stub->http);
    http_server_free(stub->server);
    rig_until_idle(&stub->rig);
    workers_free(stub->workers);
    rig_close(&stub->rig);
    free(stub->disk);
    free(stub->was);
}
