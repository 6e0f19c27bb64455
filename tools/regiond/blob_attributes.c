/* blob_attributes.c - what a base has and a snapshot keeps: copied, logged, read back. */
#include "tools/regiond/blob_state.h"

bool attributes_copy(struct attributes *target, const struct attributes *source)
{
    struct attributes copy = *source;

    if (!store_pairs_copy(&copy.metadata, &source->metadata))
        return false;
    if (!store_pairs_copy(&copy.headers, &source->headers)) {
        store_pairs_fini(&copy.metadata);
        return false;
    }
    *target = copy;
    return true;
}

void attributes_fini(struct attributes *attributes)
{
    store_pairs_fini(&attributes->metadata);
    store_pairs_fini(&attributes->headers);
}

void attributes_encode(struct log_record *record, const struct attributes *attributes)
{
    log_record_u32(record, (uint32_t)attributes->kind);
    log_record_u64(record, attributes->size_bytes);
    log_record_u64(record, attributes->sequence_number);
    log_record_u64(record, attributes->changed_ticks);
    log_record_u64(record, attributes->created_ticks);
    log_record_pairs(record, &attributes->metadata);
    log_record_pairs(record, &attributes->headers);
}

bool attributes_decode(struct log_view *view, struct attributes *out)
{
    struct attributes a = {0};
    uint32_t kind = log_view_u32(view);

    a.kind = kind == STORE_BLOCK_BLOB ? STORE_BLOCK_BLOB : STORE_PAGE_BLOB;
    a.size_bytes = log_view_u64(view);
    a.sequence_number = log_view_u64(view);
    a.changed_ticks = log_view_u64(view);
    a.created_ticks = log_view_u64(view);
    if (kind > STORE_BLOCK_BLOB || a.size_bytes > STORE_BLOB_BYTES_MAX ||
        !log_view_pairs(view, &a.metadata))
        return false;
    if (!log_view_pairs(view, &a.headers)) {
        attributes_fini(&a);
        return false;
    }
    *out = a;
    return true;
}
