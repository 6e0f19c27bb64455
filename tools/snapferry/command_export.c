/* command_export.c - snapferry export: a copy to a delta stream (command_copy.c), and what became of it. */
#include <inttypes.h>
#include <stdio.h>

#include "io/endpoint_stream_out.h"
#include "tools/snapferry/export_map.h"
#include "tools/snapferry/size_text.h"
#include "tools/snapferry/stage.h"

static void export_delta_by_map(struct stage *stage, struct view_outcome *outcome)
{
    struct export_map map;

    if (export_map_open(&map, stage, &outcome->error))
        command_copy(stage, outcome);
    export_map_fini(&map, stage);
}

void command_export(struct stage *stage, struct view_outcome *outcome)
{
    char written[SIZE_TEXT_MAX_BYTES], data[SIZE_TEXT_MAX_BYTES], copies[SIZE_TEXT_MAX_BYTES],
        zeros[SIZE_TEXT_MAX_BYTES], sentence[6 * SIZE_TEXT_MAX_BYTES + 200];
    const struct stream_end *counts;

    if (stage->options->map)
        export_delta_by_map(stage, outcome);
    else
        command_copy(stage, outcome);
    if (outcome->status != STATUS_DONE || err_is_set(&outcome->error))
        return;
    counts = endpoint_stream_out_counts(stage->target);
    size_text_format(endpoint_stream_out_bytes(stage->target), written);
    size_text_format(counts->data_bytes, data);
    size_text_format(counts->copy_bytes, copies);
    size_text_format(counts->zero_bytes, zeros);
    snprintf(sentence, sizeof sentence,
             "The stream has %" PRIu64 " records, %s: %s as bytes, %s that came before, %s zero.",
             counts->records, written, data, copies, zeros);
    view_say(&stage->view, sentence);
}
