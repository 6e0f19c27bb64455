/* access_case.c - see access_case.h. */
#include "tests/support/access_case.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "io/endpoint_fault.h"

void access_case_url(uint32_t number, struct secret_url *out_url)
{
    char text[100];
    struct err e = {0};

    snprintf(text, sizeof text, "https://acct.blob.core.windows.net/c/b?sig=new%u", number);
    cr_assert(secret_url_parse(text, out_url, &e), "%s", e.text);
}

static void answer(struct timer *timer)
{
    struct access_case *a =
        (struct access_case *)((char *)timer - offsetof(struct access_case, timer));
    uint64_t wall_s = reactor_wall_ns(a->reactor) / NS_PER_S;
    struct secret_url url = {0};
    struct err why = {0};

    if (a->answer == ACCESS_CASE_FAILS) {
        err_set(&why, ERR_NET, RETRY_LATER, "the office is closed");
        access_failed(a->access, &why);
        return;
    }
    access_case_url(a->asked_count, &url);
    access_answer(a->access, &url, a->life_s ? wall_s + a->life_s : 0);
}

static void on_ask(void *arg, struct access *access)
{
    struct access_case *a = arg;

    cr_assert(!a->access || access == a->access);
    cr_assert_eq(a->timer.slot, 0u, "asked again before an answer came");
    a->asked_count++;
    a->asked_wall_ns = reactor_wall_ns(a->reactor);
    if (a->answer != ACCESS_CASE_SILENT)
        reactor_arm(a->reactor, &a->timer, reactor_now_ns(a->reactor) + a->after_ns, answer);
}

static void on_swap(void *arg, struct access *access, struct secret_url *take)
{
    struct access_case *a = arg;

    (void)access;
    a->swapped_count++;
    snprintf(a->query, sizeof a->query, "%s", take->query);
    secret_url_fini(take);
    for (size_t i = 0; i < 2 && a->answer != ACCESS_CASE_USELESS; i++)
        if (a->faulty[i])
            endpoint_fault_renew(a->faulty[i]);
}

static void on_news(void *arg, struct access *access, enum access_news news, const char *sentence)
{
    struct access_case *a = arg;
    size_t used = strlen(a->said);

    (void)access;
    a->news_count[news]++;
    cr_assert_null(strstr(sentence, "sig="), "%s", sentence);
    snprintf(a->said + used, sizeof a->said - used, "%s\n", sentence);
}

void access_case_open(struct access_case *a, struct reactor *r, enum access_side side,
                      uint64_t expires_s)
{
    struct access_setup setup = {.reactor = r,
                                 .side = side,
                                 .expires_s = expires_s,
                                 .keep_text = side == ACCESS_BASE,
                                 .ask = on_ask,
                                 .swap = on_swap,
                                 .news = on_news,
                                 .arg = a};
    struct err e = {0};

    memset(a, 0, sizeof *a);
    a->reactor = r;
    a->access = access_new(&setup, &e);
    cr_assert_not_null(a->access, "%s", e.text);
}

void access_case_close(struct access_case *a)
{
    if (!a->access)
        return;
    reactor_disarm(a->reactor, &a->timer);
    access_free(a->access);
    a->access = NULL;
}
