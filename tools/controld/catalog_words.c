/* catalog_words.c - see catalog_words.h. */
#include "tools/controld/catalog_words.h"

#include <assert.h>

static const char *const state_names[] = {
    [CATALOG_CREATING] = "Creating",   [CATALOG_UPDATING] = "Updating",
    [CATALOG_SUCCEEDED] = "Succeeded", [CATALOG_FAILED] = "Failed",
    [CATALOG_DELETING] = "Deleting",
};
static const char *const source_names[] = {
    [CATALOG_SOURCE_MACHINE] = "machine",
    [CATALOG_SOURCE_COLLECTION] = "collection",
};
static const char *const consistency_names[] = {
    [CATALOG_CRASH_CONSISTENT] = "CrashConsistent",
    [CATALOG_FILE_SYSTEM_CONSISTENT] = "FileSystemConsistent",
    [CATALOG_APPLICATION_CONSISTENT] = "ApplicationConsistent",
};
static const char *const role_names[] = {[CATALOG_ROLE_OS] = "os", [CATALOG_ROLE_DATA] = "data"};
static const char *const origin_names[] = {
    [CATALOG_ORIGIN_CALLER] = "caller",
    [CATALOG_ORIGIN_SCHEDULE] = "schedule",
};
static const char *const level_names[] = {
    [CATALOG_INFO] = "Info",
    [CATALOG_WARNING] = "Warning",
    [CATALOG_ERROR] = "Error",
};
static const char *const status_names[] = {
    [CATALOG_IN_PROGRESS] = "InProgress",
    [CATALOG_OPERATION_SUCCEEDED] = "Succeeded",
    [CATALOG_OPERATION_FAILED] = "Failed",
    [CATALOG_OPERATION_CANCELED] = "Canceled",
};

const struct catalog_words catalog_state_words = {state_names, CATALOG_STATES};
const struct catalog_words catalog_source_words = {source_names, CATALOG_SOURCES};
const struct catalog_words catalog_consistency_words = {consistency_names, CATALOG_CONSISTENCIES};
const struct catalog_words catalog_role_words = {role_names, CATALOG_ROLES};
const struct catalog_words catalog_origin_words = {origin_names, CATALOG_ORIGINS};
const struct catalog_words catalog_level_words = {level_names, CATALOG_LEVELS};
const struct catalog_words catalog_status_words = {status_names, CATALOG_STATUSES};

const char *catalog_words_name(const struct catalog_words *words, unsigned word)
{
    assert(word < words->count);
    return words->names[word];
}

const char *catalog_state_name(enum catalog_state state)
{
    return catalog_words_name(&catalog_state_words, state);
}

const char *catalog_source_name(enum catalog_source source)
{
    return catalog_words_name(&catalog_source_words, source);
}

const char *catalog_consistency_name(enum catalog_consistency consistency)
{
    return catalog_words_name(&catalog_consistency_words, consistency);
}

const char *catalog_role_name(enum catalog_role role)
{
    return catalog_words_name(&catalog_role_words, role);
}

const char *catalog_origin_name(enum catalog_origin origin)
{
    return catalog_words_name(&catalog_origin_words, origin);
}

const char *catalog_level_name(enum catalog_level level)
{
    return catalog_words_name(&catalog_level_words, level);
}

const char *catalog_status_name(enum catalog_status status)
{
    return catalog_words_name(&catalog_status_words, status);
}
