/* file_marker_test.c - what is known of a file by the sidecar beside it, for who did not copy it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/durable.h"
#include "io/endpoint_file_parts.h"

static char folder[512], path[600], sidecar[640];

static void make_file(const char *name, const char *text)
{
    struct err e = {0};

    cr_assert(durable_write(name, text, strlen(text), &e), "%s", e.text);
}

/* With the sidecar that a copy of "disk 1" would have left beside it. */
static void begin(void)
{
    const char *tmp = getenv("TMPDIR");
    struct marker marker = {.state = MARKER_COMPLETE, .source = "disk 1", .size_bytes = 4};
    struct endpoint_file f = {.fd = -1};
    char birth[FILE_BIRTH_MAX_BYTES];
    struct err e = {0};

    snprintf(folder, sizeof folder, "%s/marker.XXXXXX", tmp ? tmp : "/tmp");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/disk", folder);
    snprintf(sidecar, sizeof sidecar, "%s" ENDPOINT_FILE_SIDECAR, path);
    make_file(path, "disk");
    snprintf(marker.copy_uuid, sizeof marker.copy_uuid, "00000000-0000-4000-8000-000000000001");
    f.fd = open(path, O_RDONLY);
    file_node_birth(&f, birth);
    close(f.fd);
    cr_assert(file_marker_write(sidecar, &marker, birth, &e), "%s", e.text);
}

static void end(void)
{
    unlink(path);
    unlink(sidecar);
    rmdir(folder);
}

TestSuite(file_marker, .init = begin, .fini = end);

Test(file_marker, tells_what_the_file_holds)
{
    struct marker marker;
    struct err e = {0};

    cr_assert(endpoint_file_marker(path, &marker, &e), "%s", e.text);
    cr_expect_eq(marker.state, MARKER_COMPLETE);
    cr_expect_str_eq(marker.source, "disk 1");
}

Test(file_marker, tells_nothing_without_a_sidecar)
{
    struct marker marker;
    struct err e = {0};

    unlink(sidecar);
    cr_assert(endpoint_file_marker(path, &marker, &e), "%s", e.text);
    cr_expect_eq(marker.state, MARKER_NONE);
}

Test(file_marker, tells_nothing_of_another_file_in_its_place)
{
    struct endpoint_file f = {.fd = open(path, O_RDONLY)};
    char birth[FILE_BIRTH_MAX_BYTES];
    struct marker marker;
    struct err e = {0};

    file_node_birth(&f, birth);
    close(f.fd);
    if (!birth[0])
        cr_skip_test("this file system keeps no times of birth");
    make_file(path, "another"); /* a new file, renamed over it */
    cr_assert(endpoint_file_marker(path, &marker, &e), "%s", e.text);
    cr_expect_eq(marker.state, MARKER_NONE);
}

Test(file_marker, a_damaged_sidecar_is_an_error)
{
    struct marker marker;
    struct err e = {0};

    make_file(sidecar, "nonsense\n");
    cr_assert_not(endpoint_file_marker(path, &marker, &e));
    cr_expect(strstr(e.text, "cannot be understood"), "%s", e.text);
}
