/* account_case.h - a region with container "cont" and page blob "disk.vhd" (1 MiB), and its account as
 * snapferryd has it.
 *
 * Knows:         regiond, the development key, how to wait for an op.
 * Must not know: what is tested.
 * Threads:       one test's.
 */
#ifndef SUPPORT_ACCOUNT_CASE_H
#define SUPPORT_ACCOUNT_CASE_H

#include "tests/support/region_case.h"
#include "tests/support/test_reactor.h"
#include "tools/controld/region_account.h"

struct account_case {
    struct region_process region;
    struct rig rig;
    struct http *http;
    struct region_account *account;
};

void account_case_open(struct account_case *c, const char *faults); /* JSON for --faults; or NULL */
/* The same for a foreign host on this machine, which has the development account and nothing in it. */
void account_case_attach(struct account_case *c, uint16_t port);
/* Exchanges the account: key NULL: one with this SAS. */
void account_case_use(struct account_case *c, const char *key, const char *sas);
void account_case_close(struct account_case *c);

typedef void account_verb(struct region_account *account, struct region_op *op);
/* Waits, and fails the test when an error tells a secret. The op's container is "cont" unless it is set. */
struct region_op *account_case_run(struct account_case *c, account_verb *verb,
                                   struct region_op *op);
void account_case_good(struct account_case *c, account_verb *verb, struct region_op *op);

/* How many snapshots "cont/disk.vhd" has. */
size_t account_case_snapshots(struct account_case *c);
/* The status of a GET with this URL, which has its SAS in it. */
unsigned account_case_get(struct account_case *c, const char *url);

#endif
