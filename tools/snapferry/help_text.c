/* help_text.c - see help_text.h. Static pages: columns are set by eye, tests hold them to the table
 * of options and to the size of a screen. */
#include "tools/snapferry/help_text.h"

#include "tools/snapferry/help_rp.h"

const char *help_text(void)
{
    return "snapferry copies disk snapshots between regions, moving only data and changes.\n"
           "\n"
           "  snapferry copy SOURCE TARGET [--base PREVIOUS]   copy a disk, or what changed\n"
           "  snapferry send SOURCE relay:https://HOST/NAME    the same, to a receiver\n"
           "  snapferry plan SOURCE [TARGET] [--base PREVIOUS] say what copy would move\n"
           "  snapferry verify SOURCE TARGET | --complete TARGET   compare; is it finished?\n"
           "  snapferry snapshot TARGET; bench SOURCE CONTAINER    a snapshot; a measurement\n"
           "  snapferry export SOURCE -o FILE|-; apply FILE|- TARGET   by a file or a pipe\n"
           "  snapferry map build|diff|show                    hashes of a disk's blocks\n"
           "  snapferry receive --listen HOST:PORT             take disks that others send\n"
           "  snapferry run JOB.json|-; ctl PATH status|...    many disks of a control plane\n"
           "  snapferry restore-point copy|restore|verify|status|...  by a service's REST\n"
           "  snapferry COMMAND --help; snapferry --version    options and examples\n"
           "\n"
           "SOURCE, TARGET and PREVIOUS are\n"
           "  https://...?SAS   a page blob or one of its snapshots, with its SAS\n"
           "  env:NAME  @FILE   such a URL from the environment, or a file's first line:\n"
           "                    better, as arguments can be seen by other users\n"
           "  PATH  file:PATH   a raw image, a fixed VHD or a block device\n"
           "  null:             as TARGET: throws all away; null:SIZE as SOURCE: zeros\n"
           "  pattern:SIZE[,SEED[,HOLES]]   as SOURCE: made-up bytes; HOLES of 1000 empty\n"
           "\n"
           "Exit status: 0 done, 1 failed, 2 wrong usage, 3 stopped: run it again,\n"
           "4 the target differs, 130 interrupted (as 3)\n";
}

static const char copy_page[] =
    "Usage: snapferry copy SOURCE TARGET... [--base PREVIOUS] [OPTION...]\n"
    "Copies a disk. Interrupted, the same command goes on; ends: snapferry --help.\n"
    "  --base PREVIOUS       snapshot, or file, that TARGET is at: moves what changed\n"
    "  --verify              afterwards reads both back and compares\n"
    "  --manifest FILE       proof of what was copied; with --base reads TARGET back\n"
    "  --base-manifest FILE, --audit 1%, --seed N    is what did not change the same?\n"
    "  --map FILE, --strong  keeps hashes of TARGET: next time only differences move\n"
    "  --strip-footer, --add-footer      blob with VHD footer to raw file, and back\n"
    "  --source-id ID, --base-id ID      names of the disks, where URLs change\n"
    "  --state-dir DIR, --state FILE     what is known of targets; a file's marker\n"
    "  --journal FILE        to go on with [in the state dir]; --restart begins anew\n"
    "  --coalesce BYTES      also moves unchanged gaps up to this [a blob: 123K]\n"
    "  --no-root, --path server|auto     no hashing; TARGET's host reads the SOURCE\n"
    "  --renew-command CMD   prints a new URL when one ends; an @FILE is watched\n"
    "  --source-expires, --base-expires, --target-expires TIME; --renew-wait SECONDS\n"
    "  --memory BYTES        of buffers, at most [512M]; K M G T are powers of 1024\n"
    "  --window N, --max-window N, --threads N|auto    in flight; cores for TLS [1]\n"
    "  --io auto|uring|epoll, --direct auto|on|off, --profile FILE that bench wrote\n"
    "  --cacert FILE         trust these certificates instead of the system's\n"
    "  --allow-http          http:// also to other machines: the SAS goes in clear\n"
    "  --json, --quiet       events as lines of JSON; or errors only\n"
    "Examples:\n"
    "  snapferry copy env:RP1 env:TARGET --verify\n"
    "  snapferry copy env:RP2 env:TARGET --base env:RP1\n";

static const char send_page[] =
    "Usage: snapferry send SOURCE relay:https://HOST:PORT/NAME [OPTION...]\n"
    "Copies a disk to where snapferry receive listens, compressed, and as a reference\n"
    "what the receiver holds already. Interrupted, the same command goes on.\n"
    "  --client-cert FILE, --client-key FILE    PEM; NAME begins with its common name\n"
    "  --cacert FILE         trust these certificates instead of the system's\n"
    "  --compress auto|off|LEVEL         zstd, -7 to 19 [auto: what pays here]\n"
    "  --no-dedup            sends everything as bytes, asks for none\n"
    "As for copy, and explained there:\n"
    "  --base PREVIOUS, --verify, --manifest FILE, --base-manifest FILE, --audit 1%,\n"
    "  --seed N, --strip-footer, --add-footer, --source-id ID, --base-id ID,\n"
    "  --state-dir DIR, --journal FILE, --restart, --no-root, --coalesce BYTES [16K],\n"
    "  --memory BYTES, --window N, --max-window N, --threads N, --renew-command CMD,\n"
    "  --renew-wait SECONDS, --source-expires TIME, --base-expires TIME, --json,\n"
    "  --io auto|uring|epoll, --direct auto|on|off, --profile FILE, --allow-http,\n"
    "  --quiet\n"
    "Examples:\n"
    "  snapferry send env:RP1 relay:https://10.0.0.4:8443/west/disk1 \\\n"
    "      --client-cert west.pem --client-key west.key --cacert ca.pem\n";

static const char export_page[] =
    "Usage: snapferry export SOURCE [--base PREVIOUS|--map MAP] -o FILE|- [OPTION...]\n"
    "Makes a delta stream: all of a disk, or what changed since PREVIOUS, compressed,\n"
    "each block once.\n"
    "  -o, --output FILE|-   FILE.part until it is whole; - is the standard output\n"
    "  --base PREVIOUS       snapshot that the stream will be applied to\n"
    "  --map MAP             or the block map of that target: SOURCE is read twice\n"
    "  --compress auto|off|LEVEL         zstd, -7 to 19 [auto: what pays here]\n"
    "  --no-dedup            blocks that come again are sent again\n"
    "  --source-id ID, --base-id ID      names of the disks, where URLs change\n"
    "  --renew-command CMD   prints a new URL when one ends; an @FILE is watched\n"
    "  --source-expires, --base-expires TIME; --renew-wait SECONDS\n"
    "  --memory BYTES        of buffers, at most [512M]; K M G T are powers of 1024\n"
    "  --window N, --max-window N, --threads N|auto    in flight; cores for TLS [1]\n"
    "  --io auto|uring|epoll, --direct auto|on|off      kernel interface; page cache\n"
    "  --cacert FILE         trust these certificates instead of the system's\n"
    "  --allow-http          http:// also to other machines: the SAS goes in clear\n"
    "  --json, --quiet       events as lines of JSON; or errors only\n"
    "Examples:\n"
    "  snapferry export env:RP2 --base env:RP1 -o rp2.sfd\n"
    "  snapferry export disk.img -o - | ssh west snapferry apply - env:TARGET\n";

static const char apply_page[] =
    "Usage: snapferry apply FILE|- TARGET [OPTION...]\n"
    "Makes TARGET what a delta stream says. One with a base is applied only to a\n"
    "TARGET that is proven to be at that base. Interrupted, the same command goes on.\n"
    "  --state-dir DIR, --state FILE     what is known of targets; a file's marker\n"
    "  --journal FILE        to go on with [in the state dir]; --restart begins anew\n"
    "  --renew-command CMD   prints a new URL when one ends; an @FILE is watched\n"
    "  --target-expires TIME, --renew-wait SECONDS\n"
    "  --memory BYTES        of buffers, at most [512M]; K M G T are powers of 1024\n"
    "  --window N, --max-window N, --threads N|auto    in flight; cores for TLS [1]\n"
    "  --io auto|uring|epoll, --direct auto|on|off      kernel interface; page cache\n"
    "  --cacert FILE         trust these certificates instead of the system's\n"
    "  --allow-http          http:// also to other machines: the SAS goes in clear\n"
    "  --json, --quiet       events as lines of JSON; or errors only\n"
    "Examples:\n"
    "  snapferry apply rp2.sfd env:TARGET\n"
    "  zcat disk.sfd.gz | snapferry apply - disk.img\n";

static const char plan_page[] =
    "Usage: snapferry plan SOURCE [TARGET] [--base PREVIOUS] [OPTION...]\n"
    "Says what copy would move: bytes, requests, time, egress. Changes nothing.\n"
    "Without TARGET: as if to a new one, or with --base to one that is at the base.\n"
    "  --base PREVIOUS       snapshot that TARGET is at\n"
    "  --strip-footer, --add-footer      as for copy\n"
    "  --source-id ID, --base-id ID      names of the disks, where URLs change\n"
    "  --state-dir DIR       what is known of targets [~/.local/state/snapferry]\n"
    "  --state FILE          the marker of a file TARGET [TARGET.snapferry]\n"
    "  --coalesce BYTES      also moves unchanged gaps up to this [a blob: 123K]\n"
    "  --renew-command CMD   prints a new URL when one ends; an @FILE is watched\n"
    "  --source-expires, --base-expires, --target-expires TIME; --renew-wait SECONDS\n"
    "  --io auto|uring|epoll             how to talk to the kernel\n"
    "  --cacert FILE         trust these certificates instead of the system's\n"
    "  --allow-http          http:// also to other machines: the SAS goes in clear\n"
    "  --json, --quiet       events as lines of JSON; or errors only\n"
    "The time is for one standard page blob: 60 MiB/s and 500 requests/s at most.\n"
    "Examples:\n"
    "  snapferry plan env:RP1\n"
    "  snapferry plan env:RP2 env:TARGET --base env:RP1 --coalesce 0\n";

static const char verify_page[] =
    "Usage: snapferry verify SOURCE TARGET [OPTION...]\n"
    "       snapferry verify --manifest FILE | --complete TARGET [OPTION...]\n"
    "Reads both and names every range of pages that differs. Exit status 4 then.\n"
    "  --sample 1%, --seed N compares a random share; N as printed draws the same\n"
    "  --manifest FILE       reads TARGET only, and names blocks of 64 KiB\n"
    "  --complete            did a copy to TARGET finish? Marker, size and footer\n"
    "  --strip-footer, --add-footer      as given to copy\n"
    "  --source-id ID        name of the disk in events\n"
    "  --state-dir DIR       where its journal is [~/.local/state/snapferry]\n"
    "  --state FILE          the marker of a file TARGET [TARGET.snapferry]\n"
    "  --journal FILE, --restart         as for copy\n"
    "  --memory BYTES        of buffers, at most [512M]; K M G T are powers of 1024\n"
    "  --window N, --max-window N, --threads N|auto    in flight; cores for TLS [1]\n"
    "  --renew-command CMD   prints a new URL when one ends; an @FILE is watched\n"
    "  --source-expires, --target-expires TIME; --renew-wait SECONDS\n"
    "  --io auto|uring|epoll, --direct auto|on|off      kernel interface; page cache\n"
    "  --cacert FILE         trust these certificates instead of the system's\n"
    "  --client-cert FILE, --client-key FILE    for a TARGET that is a relay:\n"
    "  --allow-http          http:// also to other machines: the SAS goes in clear\n"
    "  --json, --quiet       events as lines of JSON; or errors only\n"
    "Examples:\n"
    "  snapferry verify env:RP2 disk.img --strip-footer --json\n"
    "  snapferry verify --complete --manifest rp2.manifest env:TARGET\n";

static const char snapshot_page[] =
    "Usage: snapferry snapshot TARGET [OPTION...]\n"
    "Takes a point in time of a page blob and prints its URL, without the SAS.\n"
    "  --state-dir DIR       what is known of targets [~/.local/state/snapferry]\n"
    "  --io auto|uring|epoll             how to talk to the kernel\n"
    "  --cacert FILE         trust these certificates instead of the system's\n"
    "  --allow-http          http:// also to other machines: the SAS goes in clear\n"
    "  --json, --quiet       events as lines of JSON; or errors and the URL only\n"
    "The SAS must permit it (sp= with c or w). Managed disks have none of their own.\n"
    "Examples:\n"
    "  snapferry snapshot env:TARGET\n"
    "  snapferry snapshot @target.url --json\n";

static const char map_build_page[] =
    "Usage: snapferry map build SOURCE -o MAP [OPTION...]\n"
    "Reads a disk and makes its block map: 64 KiB block -> hash, or zero.\n"
    "  -o, --output MAP      the file; what is there must be a map, and is replaced\n"
    "  --strong              SHA-256 instead of XXH3-128; 32 bytes a block, not 16\n"
    "  --like OTHER          hash as that map does, so that map diff can compare them\n"
    "  --memory BYTES        of buffers, at most [512M]; K M G T are powers of 1024\n"
    "  --window N, --max-window N, --threads N|auto    in flight; cores for TLS [1]\n"
    "  --renew-command CMD   prints a new URL when one ends; an @FILE is watched\n"
    "  --source-expires TIME, --renew-wait SECONDS\n"
    "  --io auto|uring|epoll, --direct auto|on|off      kernel interface; page cache\n"
    "  --cacert FILE         trust these certificates instead of the system's\n"
    "  --allow-http          http:// also to other machines: the SAS goes in clear\n"
    "  --json, --quiet       events as lines of JSON; or errors only\n"
    "A map holds the secret that keys its hashes: it is readable by its owner only.\n"
    "Examples:\n"
    "  snapferry map build env:RP1 -o rp1.map\n"
    "  snapferry map build disk.img -o disk.map --like rp1.map\n";

static const char map_diff_page[] =
    "Usage: snapferry map diff A B [OPTION...]\n"
    "Names every range in which two block maps differ. Exit status 4 then.\n"
    "  --json, --quiet       events as lines of JSON; or the exit status only\n"
    "Blocks that one of them does not know may differ: they are told apart. Only maps\n"
    "that hash alike can be compared (see map build); of others: exit status 2.\n"
    "Examples:\n"
    "  snapferry map diff monday.map tuesday.map\n"
    "  snapferry map diff a.map b.map --json | jq 'select(.event==\"difference\")'\n";

static const char map_show_page[] =
    "Usage: snapferry map show MAP [OPTION...]\n"
    "Says what a block map is of, and draws the disk: allocated, zero, unknown.\n"
    "  --diff OTHER          also draws what differs from that map\n"
    "  --json, --quiet       events as lines of JSON; or errors only\n"
    "Examples:\n"
    "  snapferry map show disk.map\n"
    "  snapferry map show tuesday.map --diff monday.map\n";

static const char receive_page[] =
    "Usage: snapferry receive --listen HOST:PORT --target-root ROOT \\\n"
    "         --tls-cert FILE --tls-key FILE --client-ca FILE [OPTION...]\n"
    "Takes disks from snapferry send. A sender whose certificate has the common name\n"
    "NAME writes under ROOT/NAME, and nowhere else. TLS 1.3.\n"
    "  --listen HOST:PORT    where to listen; port 0: any, told in the first line\n"
    "  --target-root ROOT    a folder, or a container's URL with its SAS; env:NAME or\n"
    "                        @FILE (read anew for each target: a renewed SAS counts)\n"
    "  --tls-cert FILE, --tls-key FILE   who we are, PEM; the key its owner's alone\n"
    "  --client-ca FILE      senders have a certificate of this authority\n"
    "  --memory BYTES        of buffers and requests, at most [512M]\n"
    "  --index DIR           knows the blocks that are here [in the state folder]\n"
    "  --index-bytes N       of it for each sender [256M]; --no-index: none\n"
    "  --io auto|uring|epoll, --direct auto|on|off      kernel interface; page cache\n"
    "  --cacert FILE         trust these for ROOT's service, not the system's\n"
    "  --allow-http          http:// ROOT on other machines: the SAS goes in clear\n"
    "  --json, --quiet       events as lines of JSON; or errors only\n"
    "A signal: what is under way is answered, then the end. A second one: at once.\n"
    "Example:\n"
    "  snapferry receive --listen 10.0.0.4:8443 --target-root env:CONTAINER \\\n"
    "    --tls-cert server.pem --tls-key server.key --client-ca senders.pem\n";

static const char run_page[] =
    "Usage: snapferry run JOB.json|- [OPTION...]\n"
    "Copies the disks of many restore points at once, and tells of each in events:\n"
    "lines of JSON on stdout, or a view of all disks where that is a terminal. With -\n"
    "the first line of stdin is the job, later ones are commands; its end stops all.\n"
    "  --control PATH        takes commands there, too: snapferry ctl PATH status|...\n"
    "  --detach              of run -: the end of stdin stops nothing\n"
    "  --metrics HOST:PORT   numbers for Prometheus at http://HOST:PORT/metrics\n"
    "  --memory BYTES        of buffers, instead of the job's limits.memoryBytes\n"
    "  --threads N|auto      that share the work; auto: one a core [1]\n"
    "  --profile FILE        each disk begins with what snapferry bench found best\n"
    "  --state-dir DIR       journals, and reports that wait for report.url\n"
    "                        [~/.local/state/snapferry]\n"
    "  --restart             begins each disk anew\n"
    "  --renew-wait SECONDS  that a disk waits for a new URL [3600]\n"
    "  --io auto|uring|epoll             how to talk to the kernel\n"
    "  --cacert FILE         trust these certificates instead of the system's\n"
    "  --allow-http          http:// also to other machines: the SAS goes in clear\n"
    "  --json, --quiet       events also on a terminal; or errors only\n"
    "Exit status: 0 all disks are complete, 1 one failed for good, 2 a mistake in the\n"
    "job (nothing was begun), 3 stopped: the same job goes on, 130 ended at once\n"
    "Examples:\n"
    "  snapferry run job.json --control /run/user/1000/ferry\n"
    "  control-plane | snapferry run - | control-plane-events\n";

static const char ctl_page[] =
    "Usage: snapferry ctl PATH VERB [ARGUMENT...] [OPTION...]\n"
    "Speaks to a snapferry run, by the PATH of its control socket.\n"
    "  status                a line a disk: state, percent, rate, time left\n"
    "  pause DISK            begins nothing more; what is under way ends\n"
    "  resume DISK           goes on with it\n"
    "  cancel DISK           stops it for good, in this run\n"
    "  priority DISK N       1 to 1000: its share beside its siblings\n"
    "  renew DISK source|base|target URL     the new URL of an end: better env:NAME\n"
    "                        or @FILE, for arguments can be seen by other users\n"
    "  limits NAME=VALUE...  bytesPerSecond, memoryBytes, accountBytesPerSecond,\n"
    "                        accountRequestsPerSecond, blobBytesPerSecond,\n"
    "                        blobRequestsPerSecond; a size such as 64M, or none\n"
    "  --restore-point ID    instead of DISK: all disks of that restore point\n"
    "  --expires TIME        of renew: when the new URL ends, if it does not say\n"
    "  --json, --quiet       the answer as a line of JSON; or the exit status only\n"
    "Exit status: 0 accepted, 1 refused, 2 wrong usage, 3 nobody answers at PATH\n"
    "Examples:\n"
    "  snapferry ctl /run/user/1000/ferry status\n"
    "  snapferry ctl /run/user/1000/ferry limits bytesPerSecond=100M\n"
    "  snapferry ctl /run/user/1000/ferry renew vm1-os source @new.url\n";

static const char bench_page[] =
    "Usage: snapferry bench SOURCE TARGET [OPTION...]\n"
    "Measures what a pair of regions carries, over request sizes and connections, and\n"
    "names what limits it: reading, writing and both together; or what a relay\n"
    "carries of the same content, as it is and compressed.\n"
    "  SOURCE                a page blob or a snapshot that holds data; it is read\n"
    "  TARGET                a container (sr=c, sp=rwd), or relay:https://HOST/NAME:\n"
    "                        what is made there is removed, nothing else is touched\n"
    "  --client-cert FILE, --client-key FILE    to a relay, as for send\n"
    "  --compress LEVEL      to a relay with this level, too; else with off and auto\n"
    "  --budget-bytes BYTES  data that may be moved, both ways together [2G]\n"
    "  --duration SECONDS    at most, for all of it [120]\n"
    "  --request-sizes LIST [64K,256K,1M,4M], --connections LIST [1,2,4,8,16,32,64]\n"
    "  --memory BYTES        of buffers, at most [512M]; K M G T are powers of 1024\n"
    "  --threads N|auto      cores for TLS and checksums [1]\n"
    "  --html FILE           writes a report with charts, in one file\n"
    "  --profile FILE        writes what was best, for copy, send and run\n"
    "  --state-dir DIR       where the name of what was made is kept meanwhile\n"
    "  --io auto|uring|epoll, --cacert FILE, --allow-http, --json, --quiet    as copy\n"
    "A point ends when its mean is known within 5 % (95 % confidence). What a killed\n"
    "bench left is removed by the next one there.\n"
    "Examples:\n"
    "  snapferry bench env:RP1 env:CONTAINER --budget-bytes 16G --json\n"
    "  snapferry bench env:RP1 relay:https://10.0.0.4:8443/west \\\n"
    "      --client-cert west.pem --client-key west.key --cacert ca.pem\n";

const char *help_text_of(enum command_id command)
{
    static const char *const pages[COMMANDS_COUNT] = {
        [COMMAND_COPY] = copy_page,
        [COMMAND_PLAN] = plan_page,
        [COMMAND_VERIFY] = verify_page,
        [COMMAND_SNAPSHOT] = snapshot_page,
        [COMMAND_MAP_BUILD] = map_build_page,
        [COMMAND_MAP_DIFF] = map_diff_page,
        [COMMAND_MAP_SHOW] = map_show_page,
        [COMMAND_SEND] = send_page,
        [COMMAND_EXPORT] = export_page,
        [COMMAND_APPLY] = apply_page,
        [COMMAND_RECEIVE] = receive_page,
        [COMMAND_RUN] = run_page,
        [COMMAND_CTL] = ctl_page,
        [COMMAND_RP_LIST] = help_rp_list,
        [COMMAND_RP_STATUS] = help_rp_status,
        [COMMAND_RP_VERIFY] = help_rp_verify,
        [COMMAND_RP_ACCESS] = help_rp_access,
        [COMMAND_RP_RESTORE] = help_rp_restore,
        [COMMAND_RP_COPY] = help_rp_copy,
        [COMMAND_BENCH] = bench_page,
    };

    return pages[command];
}
