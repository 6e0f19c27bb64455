/* verb_list.c - List Containers and List Blobs. */
#include <string.h>

#include "tools/regiond/verb_common.h"
#include "tools/regiond/verbs.h"

#define LIST_MAX_COUNT     5000u
#define LIST_BASE_TAG      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<EnumerationResults "
#define LIST_DELIMITER_MAX 8u

static bool includes(const struct exchange *x, const char *what)
{
    const char *at = request_param(&x->request, "include");
    size_t length = strlen(what);

    while (at && *at) {
        size_t n = strcspn(at, ",");

        if (n == length && strncmp(at, what, n) == 0)
            return true;
        at += n;
        if (*at)
            at++;
    }
    return false;
}

/* ServiceEndpoint="http://HOST/ACCOUNT/" and what was asked, as elements. */
static void list_head(struct exchange *x, struct text_out *xml)
{
    static const char *const asked[][2] = {
        {"prefix", "Prefix"},
        {"marker", "Marker"},
        {"maxresults", "MaxResults"},
        {"delimiter", "Delimiter"},
    };
    const struct request *r = &x->request;
    const char *host = request_header(r, "Host");

    text_out_text(xml, LIST_BASE_TAG "ServiceEndpoint=\"");
    text_out_text(xml, r->tls ? "https://" : "http://");
    text_out_xml(xml, host ? host : "127.0.0.1");
    text_out_text(xml, "/");
    text_out_xml(xml, r->account);
    text_out_text(xml, "/\"");
    if (r->container[0]) {
        text_out_text(xml, " ContainerName=\"");
        text_out_xml(xml, r->container);
        text_out_text(xml, "\"");
    }
    text_out_text(xml, ">");
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        const char *value = request_param(r, asked[i][0]);

        if (value && *value)
            text_out_element(xml, asked[i][1], value);
    }
}

static void list_end(struct exchange *x, struct text_out *xml, const char *next)
{
    text_out_element(xml, "NextMarker", next ? next : "");
    text_out_text(xml, "</EnumerationResults>");
    verb_answer(x, 200);
    answer_take_text(&x->answer, "application/xml", xml);
}

static void time_element(struct text_out *xml, const char *name, uint64_t unix_seconds)
{
    char text[ANSWER_TIME_BYTES];

    answer_time_format(unix_seconds, text);
    text_out_element(xml, name, text);
}

static void metadata_element(struct text_out *xml, const struct store_pairs *metadata)
{
    if (metadata->count == 0) {
        text_out_text(xml, "<Metadata />");
        return;
    }
    text_out_text(xml, "<Metadata>");
    for (size_t i = 0; i < metadata->count; i++)
        text_out_element(xml, metadata->items[i].name, metadata->items[i].value);
    text_out_text(xml, "</Metadata>");
}

bool verb_list_containers(struct exchange *x)
{
    const struct request *r = &x->request;
    struct store_container_page page;
    struct text_out xml = {0};
    size_t count_max;

    if (!verb_max_results(x, LIST_MAX_COUNT, &count_max) ||
        !verb_stored(x,
                     store_container_list(x->parts->store, r->account, request_param(r, "prefix"),
                                          request_param(r, "marker"), count_max, &page)))
        return false;
    list_head(x, &xml);
    text_out_text(&xml, "<Containers>");
    for (size_t i = 0; i < page.count; i++) {
        text_out_text(&xml, "<Container>");
        text_out_element(&xml, "Name", page.items[i].name);
        text_out_text(&xml, "<Properties>");
        time_element(&xml, "Last-Modified", page.items[i].stamp.last_modified_s);
        text_out_element(&xml, "Etag", page.items[i].stamp.etag);
        text_out_text(&xml, "<LeaseStatus>unlocked</LeaseStatus>"
                            "<LeaseState>available</LeaseState></Properties>");
        if (includes(x, "metadata"))
            metadata_element(&xml, &page.items[i].metadata);
        text_out_text(&xml, "</Container>");
    }
    text_out_text(&xml, "</Containers>");
    list_end(x, &xml, page.next);
    store_container_page_fini(&page);
    return true;
}

static void lease_elements(struct text_out *xml, const struct store_properties *p)
{
    bool locked = p->lease_state == STORE_LEASE_LEASED || p->lease_state == STORE_LEASE_BREAKING;

    text_out_element(xml, "LeaseStatus", locked ? "locked" : "unlocked");
    text_out_element(xml, "LeaseState", verb_lease_state_name(p->lease_state));
    if (p->lease_state == STORE_LEASE_LEASED)
        text_out_element(xml, "LeaseDuration", p->lease_infinite ? "infinite" : "fixed");
}

static void content_elements(struct text_out *xml, const struct store_properties *p)
{
    static const char *const names[] = {"Content-Type", "Content-Encoding", "Content-Language",
                                        "Content-MD5",  "Cache-Control",    "Content-Disposition"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = store_pairs_get(&p->headers, names[i]);

        if (!value && i == 0)
            value = "application/octet-stream";
        text_out_element(xml, names[i], value ? value : "");
    }
}

static void blob_element(struct exchange *x, struct text_out *xml, const char *name,
                         const struct store_properties *p)
{
    text_out_text(xml, "<Blob>");
    text_out_element(xml, "Name", name);
    if (p->snapshot[0])
        text_out_element(xml, "Snapshot", p->snapshot);
    text_out_text(xml, "<Properties>");
    time_element(xml, "Creation-Time", p->created_s);
    time_element(xml, "Last-Modified", p->stamp.last_modified_s);
    text_out_element(xml, "Etag", p->stamp.etag);
    text_out_text(xml, "<Content-Length>");
    text_out_u64(xml, p->size_bytes);
    text_out_text(xml, "</Content-Length>");
    content_elements(xml, p);
    if (p->kind == STORE_PAGE_BLOB) {
        text_out_text(xml, "<x-ms-blob-sequence-number>");
        text_out_u64(xml, p->stamp.sequence_number);
        text_out_text(xml, "</x-ms-blob-sequence-number><BlobType>PageBlob</BlobType>");
    } else {
        text_out_text(xml, "<BlobType>BlockBlob</BlobType>");
    }
    if (p->snapshot[0] == '\0')
        lease_elements(xml, p);
    text_out_text(xml, "<ServerEncrypted>true</ServerEncrypted></Properties>");
    if (includes(x, "metadata"))
        metadata_element(xml, &p->metadata);
    text_out_text(xml, "</Blob>");
}

static void blob_items(struct exchange *x, struct text_out *xml, const struct store_blob_page *page)
{
    text_out_text(xml, "<Blobs>");
    for (size_t i = 0; i < page->count; i++) {
        const struct store_blob_item *item = &page->items[i];

        if (!item->is_prefix) {
            blob_element(x, xml, item->name, &item->properties);
            continue;
        }
        text_out_text(xml, "<BlobPrefix>");
        text_out_element(xml, "Name", item->name);
        text_out_text(xml, "</BlobPrefix>");
    }
    text_out_text(xml, "</Blobs>");
}

bool verb_list_blobs(struct exchange *x)
{
    const struct request *r = &x->request;
    struct store_blob_query query = {
        .prefix = request_param(r, "prefix"),
        .delimiter = request_param(r, "delimiter"),
        .marker = request_param(r, "marker"),
        .snapshots = includes(x, "snapshots"),
    };
    struct store_blob_page page;
    struct text_out xml = {0};

    if (query.delimiter && *query.delimiter == '\0')
        query.delimiter = NULL;
    if (query.marker && *query.marker == '\0')
        query.marker = NULL;
    if (query.delimiter && strlen(query.delimiter) > LIST_DELIMITER_MAX)
        return service_fail_query(&x->error, CODE_INVALID_QUERY_PARAMETER_VALUE, "delimiter",
                                  query.delimiter);
    if (query.delimiter && query.snapshots) /* the service's own rule */
        return service_fail_query(&x->error, CODE_INVALID_QUERY_PARAMETER_VALUE, "include",
                                  "snapshots");
    if (!verb_max_results(x, LIST_MAX_COUNT, &query.count_max) ||
        !verb_stored(x, store_blob_list(x->parts->store, r->account, r->container, &query, &page)))
        return false;
    list_head(x, &xml);
    blob_items(x, &xml, &page);
    list_end(x, &xml, page.next);
    store_blob_page_fini(&page);
    return true;
}
