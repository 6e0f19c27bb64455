/* listen_at_test.c - HOST:PORT as people write it, and which hosts nobody else can reach. */
#include "io/listen_at.h"

#include <criterion/criterion.h>
#include <string.h>

static bool parse(const char *text, struct listen_at *at)
{
    struct err e = {0};
    bool ok = listen_at_parse(at, "--listen", "10.0.0.4:8443", text, &e);

    cr_assert_eq(ok, !err_is_set(&e));
    if (!ok)
        cr_assert_str_eq(e.text, "--listen takes HOST:PORT, as in 10.0.0.4:8443");
    return ok;
}

Test(listen_at, takes_addresses_and_names)
{
    struct listen_at at;

    cr_assert(parse("127.0.0.1:9464", &at));
    cr_assert_str_eq(at.host, "127.0.0.1");
    cr_assert_eq(at.port, 9464);
    cr_assert_not(at.six);
    cr_assert(parse("[::1]:0", &at));
    cr_assert_str_eq(at.host, "::1");
    cr_assert_eq(at.port, 0);
    cr_assert(at.six);
    cr_assert(parse("host.example:65535", &at));
    cr_assert_str_eq(at.host, "host.example");
}

Test(listen_at, refuses_what_is_no_host_and_port)
{
    static const char *const wrong[] = {"",        ":1",     "host",     "host:",  "host:65536",
                                        "host:-1", "host:x", "host:1x",  "::1:80", "[]:80",
                                        "[::1]",   "9464",   "host: 80", "a:b:c:1"};
    struct listen_at at;
    char longer[400];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_not(parse(wrong[i], &at), "'%s' was taken", wrong[i]);
    memset(longer, 'h', sizeof longer);
    memcpy(longer + sizeof longer - 3, ":1", 3);
    cr_expect_not(parse(longer, &at));
}

Test(listen_at, knows_what_is_this_machine_alone)
{
    static const char *const local[] = {"127.0.0.1:1", "127.255.3.4:1", "[::1]:1", "localhost:1"};
    static const char *const others[] = {"0.0.0.0:1",           "[::]:1",
                                         "10.0.0.4:1",          "128.0.0.1:1",
                                         "localhost.evil:1",    "127.0.0.1.evil:1",
                                         "[::ffff:10.0.0.4]:1", "[fe80::1]:1"};
    struct listen_at at;

    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        cr_expect(parse(local[i], &at) && listen_at_is_loopback(&at), "%s", local[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_expect(parse(others[i], &at) && !listen_at_is_loopback(&at), "%s", others[i]);
}
