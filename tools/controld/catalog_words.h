/* catalog_words.h - what rows of the catalog say with one word out of few: as enums in memory, as the
 * words of the API in the file and in answers.
 *
 * Knows:         the words.
 * Must not know: what follows from them.
 * Threads:       none; pure.
 */
#ifndef CONTROLD_CATALOG_WORDS_H
#define CONTROLD_CATALOG_WORDS_H

/* A resource's provisioningState. */
enum catalog_state {
    CATALOG_CREATING,
    CATALOG_UPDATING,
    CATALOG_SUCCEEDED,
    CATALOG_FAILED,
    CATALOG_DELETING,
    CATALOG_STATES
};

/* What a collection's restore points are made of. */
enum catalog_source {
    CATALOG_SOURCE_MACHINE,    /* cut from a VM, here or (the deprecated flow) in another region */
    CATALOG_SOURCE_COLLECTION, /* copied from another collection's restore points */
    CATALOG_SOURCES
};

enum catalog_consistency {
    CATALOG_CRASH_CONSISTENT,
    CATALOG_FILE_SYSTEM_CONSISTENT,
    CATALOG_APPLICATION_CONSISTENT,
    CATALOG_CONSISTENCIES
};

enum catalog_role { CATALOG_ROLE_OS, CATALOG_ROLE_DATA, CATALOG_ROLES };

/* Who asked for a restore point: retention prunes only what the schedule made. */
enum catalog_origin { CATALOG_ORIGIN_CALLER, CATALOG_ORIGIN_SCHEDULE, CATALOG_ORIGINS };

enum catalog_level { CATALOG_INFO, CATALOG_WARNING, CATALOG_ERROR, CATALOG_LEVELS };

/* A long-running operation's status. */
enum catalog_status {
    CATALOG_IN_PROGRESS,
    CATALOG_OPERATION_SUCCEEDED,
    CATALOG_OPERATION_FAILED,
    CATALOG_OPERATION_CANCELED,
    CATALOG_STATUSES
};

/* The words, in the API's spelling: "Succeeded", "CrashConsistent", "InProgress"...; static text. */
const char *catalog_state_name(enum catalog_state state);
const char *catalog_source_name(enum catalog_source source);
const char *catalog_consistency_name(enum catalog_consistency consistency);
const char *catalog_role_name(enum catalog_role role);
const char *catalog_origin_name(enum catalog_origin origin);
const char *catalog_level_name(enum catalog_level level);
const char *catalog_status_name(enum catalog_status status);

/* The same as lists, for the columns that hold them. */
struct catalog_words {
    const char *const *names;
    unsigned count;
};

extern const struct catalog_words catalog_state_words;
extern const struct catalog_words catalog_source_words;
extern const struct catalog_words catalog_consistency_words;
extern const struct catalog_words catalog_role_words;
extern const struct catalog_words catalog_origin_words;
extern const struct catalog_words catalog_level_words;
extern const struct catalog_words catalog_status_words;

const char *catalog_words_name(const struct catalog_words *words, unsigned word);

#endif
