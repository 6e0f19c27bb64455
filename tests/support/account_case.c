/* account_case.c - see account_case.h. */
#include "tests/support/account_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/fault_case.h"

static void connect_client(struct account_case *c)
{
    struct http_options options = {0};
    struct err e = {0};

    rig_open(&c->rig, REACTOR_AUTO);
    c->http = http_new(c->rig.r, &options, &e);
    cr_assert(c->http, "%s", e.text);
    account_case_use(c, RAW_KEY, NULL);
}

void account_case_open(struct account_case *c, const char *faults)
{
    memset(c, 0, sizeof *c);
    c->region = faults ? fault_case_serve("--faults", faults) : case_begin(1u << 20);
    connect_client(c);
}

void account_case_attach(struct account_case *c, uint16_t port)
{
    memset(c, 0, sizeof *c);
    c->region.port = port;
    connect_client(c);
}

void account_case_use(struct account_case *c, const char *key, const char *sas)
{
    struct region_account_setup setup = {
        .http = c->http, .name = RAW_ACCOUNT, .key = key, .sas = sas, .seed = 1};
    struct err e = {0};
    char url[80];

    snprintf(url, sizeof url, "http://127.0.0.1:%u/" RAW_ACCOUNT, c->region.port);
    setup.url = url;
    region_account_free(c->account);
    c->account = region_account_new(&setup, &e);
    cr_assert(c->account, "%s", e.text);
}

void account_case_close(struct account_case *c)
{
    region_account_free(c->account);
    http_free(c->http);
    rig_close(&c->rig);
    region_stop(&c->region);
}

static void on_done(struct region_op *op)
{
    *(bool *)op->arg = true;
}

struct region_op *account_case_run(struct account_case *c, account_verb *verb, struct region_op *op)
{
    bool done = false;

    if (!op->container)
        op->container = "cont";
    op->done = on_done;
    op->arg = &done;
    verb(c->account, op);
    cr_assert_not(done, "done ran inside the verb");
    rig_until(&c->rig, &done);
    cr_assert_null(strstr(op->err.text, "sig="), "%s", op->err.text);
    cr_assert_null(strstr(op->err.text, "SharedKey"), "%s", op->err.text);
    return op;
}

void account_case_good(struct account_case *c, account_verb *verb, struct region_op *op)
{
    account_case_run(c, verb, op);
    cr_assert_not(err_is_set(&op->err), "%s", op->err.text);
}

size_t account_case_snapshots(struct account_case *c)
{
    struct region_list list = {0};
    struct region_op op = {.blob = "disk.vhd", .list = &list};
    size_t count = 0;

    account_case_good(c, region_account_list, &op);
    for (size_t i = 0; i < list.count; i++)
        count += list.items[i].snapshot != NULL;
    region_list_fini(&list);
    return count;
}

unsigned account_case_get(struct account_case *c, const char *url)
{
    const char *target = strstr(url, "/" RAW_ACCOUNT "/");
    struct raw_request request = {.method = "GET", .target = target, .unsigned_ = true};
    struct raw_answer answer;
    unsigned status;
    int fd = raw_connect(c->region.port);

    cr_assert(target);
    cr_assert(raw_exchange(fd, &request, &answer));
    close(fd);
    status = answer.status;
    raw_answer_fini(&answer);
    return status;
}
