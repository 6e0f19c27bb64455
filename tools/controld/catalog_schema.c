/* catalog_schema.c - the versions of the catalog's file. A script that was released is never changed: what
 * comes later is a script of its own.
 *
 * Ids are NOCASE, which folds ASCII as ARM does: a look-up, a foreign key and the order of a list then
 * ignore case without a second, folded column that could fall out of step. Indexes that a list runs on end
 * with the id, so that its pages need no sorting. */
#include "tools/controld/catalog_file.h"

static const char version_1[] =
    "CREATE TABLE collections ("
    "  id TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,"
    "  location TEXT, tags TEXT, source_id TEXT COLLATE NOCASE, source_kind TEXT NOT NULL,"
    "  source_location TEXT, guid TEXT COLLATE NOCASE, state TEXT NOT NULL,"
    "  created_ns INTEGER NOT NULL) STRICT;"
    "CREATE INDEX collections_by_source ON collections (source_id, id);"

    "CREATE TABLE points ("
    "  id TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,"
    "  collection_id TEXT NOT NULL COLLATE NOCASE REFERENCES collections (id),"
    "  state TEXT NOT NULL, created_ns INTEGER NOT NULL, consistency TEXT NOT NULL,"
    "  origin TEXT NOT NULL, asked TEXT, exclude TEXT, source_point_id TEXT COLLATE NOCASE,"
    "  metadata TEXT, failure_code TEXT, failure_message TEXT, hook_status TEXT, hook_message TEXT,"
    "  used_bytes INTEGER NOT NULL, deadline_ns INTEGER NOT NULL, generation INTEGER NOT NULL) "
    "STRICT;"
    "CREATE INDEX points_by_collection ON points (collection_id, id);"
    "CREATE INDEX points_by_state ON points (state, id);"
    "CREATE INDEX points_by_source ON points (source_point_id, id);"

    "CREATE TABLE families ("
    "  guid TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,"
    "  region TEXT NOT NULL, source_disk TEXT NOT NULL COLLATE NOCASE,"
    "  collection_id TEXT COLLATE NOCASE, container TEXT NOT NULL, live_blob TEXT,"
    "  blob_count INTEGER NOT NULL, held_disk_point_id TEXT COLLATE NOCASE,"
    "  held_source_id TEXT COLLATE NOCASE, held_place TEXT) STRICT;"
    "CREATE UNIQUE INDEX families_by_disk"
    "  ON families (region, source_disk, ifnull(collection_id, '') COLLATE NOCASE);"
    "CREATE INDEX families_by_collection ON families (collection_id, guid);"
    "CREATE INDEX families_by_held ON families (held_disk_point_id);"
    "CREATE INDEX families_by_held_source ON families (held_source_id);"
    "CREATE INDEX families_by_held_place ON families (held_place);"

    "CREATE TABLE disk_points ("
    "  id TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,"
    "  point_id TEXT NOT NULL COLLATE NOCASE REFERENCES points (id),"
    "  name TEXT, disk_id TEXT COLLATE NOCASE, role TEXT NOT NULL, lun INTEGER NOT NULL, facts "
    "TEXT,"
    "  family TEXT COLLATE NOCASE REFERENCES families (guid),"
    "  location TEXT, source_location TEXT, region TEXT, container TEXT, blob TEXT, snapshot TEXT,"
    "  cut_path TEXT, size_bytes INTEGER NOT NULL, code TEXT, percent REAL NOT NULL,"
    "  level TEXT NOT NULL, message TEXT, source_disk_point_id TEXT COLLATE NOCASE,"
    "  base_disk_point_id TEXT COLLATE NOCASE, base_source_id TEXT COLLATE NOCASE,"
    "  base_place TEXT, encryption_type TEXT, encryption_set_id TEXT,"
    "  root TEXT, verified TEXT, changed_bytes INTEGER NOT NULL, wire_bytes INTEGER NOT NULL,"
    "  created_ns INTEGER NOT NULL, begun_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL) STRICT;"
    "CREATE INDEX disk_points_by_point ON disk_points (point_id, id);"
    "CREATE INDEX disk_points_by_family ON disk_points (family, id);"
    "CREATE INDEX disk_points_by_source ON disk_points (source_disk_point_id, id);"
    "CREATE INDEX disk_points_by_base ON disk_points (base_disk_point_id, id);"
    "CREATE INDEX disk_points_unended ON disk_points (id) WHERE ended_ns = 0;"
    "CREATE INDEX disk_points_by_base_place ON disk_points (base_place) WHERE snapshot IS NULL;"

    "CREATE TABLE bases ("
    "  place TEXT NOT NULL PRIMARY KEY, disk_point_id TEXT COLLATE NOCASE) STRICT;"

    "CREATE TABLE disks ("
    "  id TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,"
    "  guid TEXT COLLATE NOCASE, location TEXT, doc TEXT, backing TEXT, size_bytes INTEGER NOT "
    "NULL,"
    "  source_id TEXT COLLATE NOCASE, state TEXT NOT NULL, code TEXT, percent REAL NOT NULL,"
    "  level TEXT NOT NULL, message TEXT, created_ns INTEGER NOT NULL,"
    "  ended_ns INTEGER NOT NULL) STRICT;"
    "CREATE INDEX disks_by_source ON disks (source_id, id);"
    "CREATE INDEX disks_by_state ON disks (state, id);"

    "CREATE TABLE machines ("
    "  id TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,"
    "  guid TEXT COLLATE NOCASE, location TEXT, doc TEXT, state TEXT NOT NULL,"
    "  created_ns INTEGER NOT NULL) STRICT;"

    "CREATE TABLE accesses ("
    "  resource_id TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,"
    "  region TEXT NOT NULL, container TEXT NOT NULL, blob TEXT, snapshot TEXT,"
    "  policy TEXT NOT NULL, permissions TEXT, begun_ns INTEGER NOT NULL,"
    "  expires_ns INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX accesses_by_policy ON accesses (region, container, policy);"
    "CREATE INDEX accesses_by_expiry ON accesses (expires_ns);"

    "CREATE TABLE operations ("
    "  guid TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,"
    "  kind TEXT NOT NULL, subscription TEXT, location TEXT, resource_id TEXT COLLATE NOCASE,"
    "  status TEXT NOT NULL, error TEXT, result TEXT, remake INTEGER NOT NULL,"
    "  start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL) STRICT;"
    "CREATE INDEX operations_by_resource ON operations (resource_id, guid);"
    "CREATE INDEX operations_by_end ON operations (end_ns, guid);";

static const char *const scripts[] = {version_1};

static const struct catalog_schema schema = {scripts, sizeof scripts / sizeof *scripts};

const struct catalog_schema *catalog_schema(void)
{
    return &schema;
}
