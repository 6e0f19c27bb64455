/* family_place.c - see family_place.h. A closed family is of the disk that is called like its guid: there is
 * none, and no two are closed alike. */
#include "tools/controld/family_place.h"

#include <string.h>
#include <strings.h>

void family_place_name(const char *guid, char out_container[FAMILY_CONTAINER_BYTES])
{
    size_t at = 2;

    memcpy(out_container, "f-", 2);
    for (const char *digit = guid; *digit && at < FAMILY_CONTAINER_BYTES - 1; digit++)
        if (*digit != '-')
            out_container[at++] = *digit;
    out_container[at] = '\0';
}

bool family_place_is_own(const struct catalog_family *family)
{
    char name[FAMILY_CONTAINER_BYTES];

    if (!family->guid || !family->container)
        return false;
    family_place_name(family->guid, name);
    return strcmp(family->container, name) == 0;
}

bool family_place_close(struct catalog *catalog, const struct catalog_family *family, struct err *e)
{
    struct catalog_family closed = *family;

    closed.source_disk = family->guid;
    closed.held_disk_point_id = closed.held_source_id = closed.held_place = NULL;
    return catalog_family_put(catalog, &closed, e);
}

bool family_place_is_closed(const struct catalog_family *family)
{
    return family->guid && strcasecmp(family->source_disk, family->guid) == 0;
}
