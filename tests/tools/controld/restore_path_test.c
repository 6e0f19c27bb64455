/* restore_path_test.c - what an entry of restoreTo allows, and what is no path of a disk. */
#include "tools/controld/restore_path.h"

#include <criterion/criterion.h>
#include <string.h>

Test(restore_path, an_entry_is_a_folder_or_one_path)
{
    static const char *const good[] = {"/srv/restores/", "/dev/sdb",       "/dev/vg0/", "/a",
                                       "/...",           "/a/.hidden/..x/"};
    static const char *const bad[] = {"",     "/",     "/dev/",  "srv/",     "srv",    "//",
                                      "/a//", "/a//b", "/a/./",  "/a/../b/", "/..",    "/.",
                                      "./",   "/a/..", "/\x01/", "/a\n",     "/a\x7f", "@/a"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_expect(restore_path_is_entry(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_not(restore_path_is_entry(bad[i]), "%s", bad[i]);
}

Test(restore_path, a_disk_has_a_plain_path_and_no_sidecar_s_name)
{
    char path[RESTORE_PATH_MAX_BYTES + 1];

    cr_expect(restore_path_is_sound("/srv/restores/a.img"));
    cr_expect(restore_path_is_sound("/a.snapferry.img"));
    cr_expect_not(restore_path_is_sound("/srv/restores/"));
    cr_expect_not(restore_path_is_sound("/srv/../a"));
    cr_expect_not(restore_path_is_sound("/srv/a.snapferry"));
    cr_expect_not(restore_path_is_sound("/srv/.snapferry"));
    cr_expect_not(restore_path_is_sound("a"));
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[RESTORE_PATH_MAX_BYTES] = '\0';
    cr_expect_not(restore_path_is_sound(path));
    path[RESTORE_PATH_MAX_BYTES - 1] = '\0';
    cr_expect(restore_path_is_sound(path));
}

Test(restore_path, allows_what_lies_directly_in_a_folder_and_single_paths)
{
    char folder[] = "/srv/restores/", device[] = "/dev/sdb";
    char *const entries[] = {folder, device, NULL}, *const none[] = {NULL};

    cr_expect(restore_path_is_allowed(entries, "/srv/restores/a"));
    cr_expect(restore_path_is_allowed(entries, "/dev/sdb"));
    cr_expect_not(restore_path_is_allowed(entries, "/srv/restores/a/b"));
    cr_expect_not(restore_path_is_allowed(entries, "/srv/restoresa"));
    cr_expect_not(restore_path_is_allowed(entries, "/srv/restores"));
    cr_expect_not(restore_path_is_allowed(entries, "/srv"));
    cr_expect_not(restore_path_is_allowed(entries, "/dev/sdb1"));
    cr_expect_not(restore_path_is_allowed(entries, "/dev/sd"));
    cr_expect_not(restore_path_is_allowed(entries, "/DEV/sdb"));
    cr_expect_not(restore_path_is_allowed(none, "/srv/restores/a"));
}
