/* front_table.c - see front_table.h. */
#include "tools/controld/front_table.h"

#include <assert.h>
#include <stdlib.h>

struct entry {
    struct front_handler handler;
    void *arg;
};

struct front_table {
    struct entry entries[FRONT_HANDLERS_MAX];
    size_t count;
};

struct front_table *front_table_new(struct err *e)
{
    struct front_table *table = calloc(1, sizeof *table);

    if (!table)
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the table of handlers");
    return table;
}

void front_table_free(struct front_table *table)
{
    free(table);
}

static const struct entry *find(const struct front_table *table, enum arm_type type,
                                enum arm_verb verb)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->entries[i].handler.type == type && table->entries[i].handler.verb == verb)
            return &table->entries[i];
    return NULL;
}

void front_table_add(struct front_table *table, const struct front_handler *handlers, size_t count,
                     void *arg)
{
    for (size_t i = 0; i < count; i++) {
        assert(table->count < FRONT_HANDLERS_MAX);
        assert(!find(table, handlers[i].type, handlers[i].verb));
        table->entries[table->count++] = (struct entry){handlers[i], arg};
    }
}

static const char *method_name(enum http_method method)
{
    switch (method) {
    case HTTP_GET:
        return "GET";
    case HTTP_HEAD:
        return "HEAD";
    case HTTP_PUT:
        return "PUT";
    case HTTP_POST:
        return "POST";
    case HTTP_DELETE:
        return "DELETE";
    case HTTP_PATCH:
        return "PATCH";
    }
    return "";
}

/* Nobody serves it, so there is none. */
static void refuse_unserved(struct front_call *call, const struct arm_route *route)
{
    struct arm_error why = {0};

    if (route->id.type != ARM_NONE)
        arm_id_not_found(&route->id, &why);
    else
        arm_error_set(&why, 404, "ResourceNotFound", NULL, "There is nothing at this path.");
    front_refuse(call, &why);
}

void front_table_ask(void *arg, struct front_call *call)
{
    const struct front_table *table = arg;
    const struct arm_request request = {.method = method_name(call->method),
                                        .path = call->path,
                                        .api_version = front_query(call, "api-version"),
                                        .expand = front_query(call, "$expand"),
                                        .skip_token = front_query(call, "$skiptoken"),
                                        .monitor = front_query(call, "monitor")};
    struct front_ask *ask = call->user = calloc(1, sizeof *ask);
    struct arm_error why = {0};
    const struct entry *entry;

    if (!ask)
        arm_error_memory(&why);
    if (!ask || !arm_route_parse(&request, &ask->route, &why)) {
        front_refuse(call, &why);
        return;
    }
    ask->call = call;
    entry = find(table, ask->route.type, ask->route.verb);
    if (entry)
        entry->handler.handle(entry->arg, ask);
    else
        refuse_unserved(call, &ask->route);
}
