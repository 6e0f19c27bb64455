/* verify_record.h - the end of a verification, written down: with each disk restore point, its family,
 * the operation.
 *
 * Knows:         what verify_desk.h promises of an end.
 * Must not know: how it was found out, who asked.
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_VERIFY_RECORD_H
#define CONTROLD_VERIFY_RECORD_H

#include "tools/controld/service.h"
#include "tools/controld/verify_check.h"

struct verify_record {
    const char *operation; /* in progress */
    struct verify_check *const *checks;
    size_t count;  /* all done */
    bool of_point; /* of a restore point: the disks are told one by one */
};

/* Inside a transaction. */
bool verify_record_keep(struct service *service, const struct verify_record *record, struct err *e);

#endif
