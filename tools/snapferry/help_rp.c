/* help_rp.c - see help_rp.h. Columns are set by eye; help_text.c's tests hold for these pages, too. */
#include "tools/snapferry/help_rp.h"

#define SERVICE                                                                                    \
    "  --endpoint URL        snapferryd's, or https://management.azure.com\n"                      \
    "  --token env:NAME|@FILE            bearer token; goes to that host alone\n"                  \
    "  --subscription ID, --group NAME   of names that are no whole ids\n"                         \
    "  --api-version DATE[,DATE]         of restore points, of disks\n"

#define REST                                                                                       \
    "  --io auto|uring|epoll             how to talk to the kernel\n"                              \
    "  --cacert FILE         trust these certificates instead of the system's\n"

#define MOVING                                                                                     \
    "  --verify              afterwards reads both back and compares\n"                            \
    "  --strip-footer        a VHD footer at the source's end is left out\n"                       \
    "  --duration SECONDS    that access is asked for, and extended by [3600]\n"                   \
    "  --memory BYTES, --threads N|auto, --state-dir DIR, --restart    as for copy\n"              \
    "  --io auto|uring|epoll, --cacert FILE, --allow-http              as for copy\n"              \
    "  --json, --quiet       events as lines of JSON; or errors only\n"

const char help_rp_list[] =
    "Usage: snapferry restore-point list [COLLECTION|COLLECTION/POINT|ID] OPTION...\n"
    "Lists collections, a collection's restore points, or the disks of one of these.\n" SERVICE REST
    "  --json, --quiet       a line of JSON each; or errors and the list only\n"
    "Without --group: all collections of the subscription.\n"
    "Examples:\n"
    "  snapferry restore-point list --endpoint https://ferry:8700 --token env:T \\\n"
    "      --subscription s1 --group rg\n"
    "  snapferry restore-point list vm1-points --endpoint https://ferry:8700 \\\n"
    "      --token @token --subscription s1 --group rg\n";

const char help_rp_status[] =
    "Usage: snapferry restore-point status COLLECTION/POINT|ID OPTION...\n"
    "Says of each disk of a restore point how far its replication is.\n"
    "  --watch               until all is complete or one failed\n" SERVICE REST
    "  --json, --quiet       events as lines of JSON; or the exit status only\n"
    "Exit status: 0 it is complete and can be used, 1 failed, 3 not yet\n"
    "Examples:\n"
    "  snapferry restore-point status copies/rp1 --watch --token env:T \\\n"
    "      --endpoint https://ferry:8700 --subscription s1 --group rg\n";

const char help_rp_verify[] =
    "Usage: snapferry restore-point verify COLLECTION/POINT[/DISK]|ID OPTION...\n"
    "Has snapferryd compare a restore point, or one disk of it, with what it was\n"
    "copied from; without that, with the digest of the copy. Other services cannot.\n" SERVICE REST
    "  --json, --quiet       events as lines of JSON; or errors only\n"
    "Exit status: 0 equal, 4 it differs, 1 it could not be found out\n"
    "Interrupted, the service goes on, and keeps what it finds.\n"
    "Examples:\n"
    "  snapferry restore-point verify copies/rp1 --token env:T \\\n"
    "      --endpoint https://ferry:8700 --subscription s1 --group rg\n";

const char help_rp_access[] =
    "Usage: snapferry restore-point access grant COLLECTION/POINT/DISK|ID -o FILE|-\n"
    "       snapferry restore-point access revoke COLLECTION/POINT/DISK|ID OPTION...\n"
    "Gets a SAS to read one disk of a restore point, or ends all access to it.\n"
    "  -o, --output FILE|-   of grant: where the URL, a secret, goes. FILE is its\n"
    "                        owner's alone, to be given as @FILE; - is stdout\n"
    "  --duration SECONDS    of grant: how long it is good for [3600]\n" SERVICE REST
    "  --json, --quiet       events as lines of JSON; or errors only\n"
    "Examples:\n"
    "  snapferry restore-point access grant points/rp1/os_1 -o os.url --token env:T \\\n"
    "      --endpoint https://ferry:8700 --subscription s1 --group rg\n"
    "  snapferry copy @os.url os.img\n";

const char help_rp_restore[] =
    "Usage: snapferry restore-point restore COLLECTION/POINT/DISK|ID PATH OPTION...\n"
    "Copies one disk of a restore point into a file or block device. Access to it is\n"
    "asked for, extended as long as it is needed, and ended in any case.\n" SERVICE MOVING
    "Interrupted, the same command goes on.\n"
    "Examples:\n"
    "  snapferry restore-point restore points/rp1/os_1 os.img --token env:T \\\n"
    "      --endpoint https://ferry:8700 --subscription s1 --group rg\n";

const char help_rp_copy[] =
    "Usage: snapferry restore-point copy COLLECTION/POINT|ID --to URL OPTION...\n"
    "Copies the disks of a restore point to page blobs NAME.vhd of a container: what\n"
    "changed, where a blob holds an older restore point of the same disk. Access is\n"
    "asked for, extended as long as it is needed, and ended in any case.\n"
    "  --to URL              container with its SAS: better env:NAME or @FILE\n" SERVICE MOVING
    "Interrupted, the same command goes on.\n"
    "Examples:\n"
    "  snapferry restore-point copy points/rp1 --to env:CONTAINER --token env:T \\\n"
    "      --endpoint https://ferry:8700 --subscription s1 --group rg\n";
