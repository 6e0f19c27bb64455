/* disk_change_test.c - which PUT of a disk that is there asks for another one, and the member that is
 * named. */
#include "tools/controld/disk_change.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static json_t *read_doc(const char *text)
{
    char *json = strdup(text);
    json_t *doc;

    for (char *c = json; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    doc = json_loads(json, JSON_DECODE_ANY, NULL);
    cr_assert(doc, "%s", json);
    free(json);
    return doc;
}

static const char old_text[] =
    "{'sku':{'name':'Premium_LRS'},'tags':{'a':'b'},'zones':['1'],'properties':{'diskSizeGB':8,"
    "'creationData':{'createOption':'Restore','sourceResourceId':'/s/A'},"
    "'x-snapferry':{'file':'/srv/a.img'}}}";

/* path: NULL when nothing changes. */
static void expect(const char *now_text, const char *path)
{
    json_t *old = read_doc(old_text), *now = read_doc(now_text);
    char found[ARM_ERROR_TARGET_MAX_BYTES];

    if (path) {
        cr_expect(disk_change_find(old, now, found), "%s", now_text);
        cr_expect_str_eq(found, path);
    } else {
        cr_expect_not(disk_change_find(old, now, found), "%s: %s", now_text, found);
    }
    json_decref(old);
    json_decref(now);
}

Test(disk_change, the_same_and_less_is_no_change)
{
    expect(old_text, NULL);
    expect("{}", NULL);
    expect("{'properties':{'creationData':{'createOption':'Restore'}}}", NULL);
    expect("{'tags':{'c':'d'}}", NULL);
    expect("{'sku':{'name':'premium_lrs'}}", NULL);
    expect("{'properties':{'creationData':{'createOption':'restore','sourceResourceId':'/s/B'}}}",
           NULL); /* compared by its meaning elsewhere */
}

Test(disk_change, another_value_and_more_is_a_change_that_has_a_name)
{
    expect("{'properties':{'x-snapferry':{'file':'/srv/A.img'}}}", "properties.x-snapferry.file");
    expect("{'properties':{'x-snapferry':{'blob':'c/b'}}}", "properties.x-snapferry.blob");
    expect("{'properties':{'diskSizeGB':9}}", "properties.diskSizeGB");
    expect("{'properties':{'osType':'Linux'}}", "properties.osType");
    expect("{'sku':{'name':'Standard_LRS'}}", "sku.name");
    expect("{'zones':['2']}", "zones");
    expect("{'properties':{'encryption':{'type':'x'}}}", "properties.encryption.type");
}

Test(disk_change, tags_are_taken_as_a_whole)
{
    json_t *old = read_doc(old_text), *same = read_doc("{'tags':{'a':'b'}}"),
           *none = read_doc("{'properties':{}}"), *other = read_doc("{'tags':{'c':'d'}}");
    bool failed;
    json_t *changed = disk_change_tags(old, other, &failed);

    cr_assert(changed && !failed);
    cr_expect(json_equal(json_object_get(changed, "tags"), json_object_get(other, "tags")));
    cr_expect(
        json_equal(json_object_get(changed, "properties"), json_object_get(old, "properties")));
    cr_expect_null(json_object_get(json_object_get(old, "tags"), "c"),
                   "what was read is as it was");
    json_decref(changed);
    cr_expect_null(disk_change_tags(old, same, &failed));
    cr_expect_not(failed);
    cr_expect_null(disk_change_tags(old, none, &failed));
    cr_expect_not(failed);
    json_decref(old);
    json_decref(same);
    json_decref(none);
    json_decref(other);
}
