/*
 * The doctor's checks, a table; what each finds is one line or a few.
 *
 * doctor.c has the machine and the configuration, doctor_store.c the data directory. Nothing is
 * changed, and nothing is taken for broken that a daemon is just changing: what looks missing or
 * damaged is looked up and looked at a second time.
 */
#ifndef DAEMON_DOCTOR_H
#define DAEMON_DOCTOR_H

#include "core/base/mem.h"
#include "daemon/config.h"
#include "daemon/options.h"
#include "daemon/store/data_dir.h"

#include <stddef.h>

enum doctor_status { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_finding {
    enum doctor_status status;
    const char *name;   /* of the check */
    const char *detail; /* what was found */
    const char *remedy; /* what to do, or NULL */
    struct arena *arena;
};

enum { DOCTOR_MAX_FINDINGS = 100, DOCTOR_MAX_FAULTS = 20 /* listed of one check */ };

struct doctor_findings {
    struct doctor_finding items[DOCTOR_MAX_FINDINGS];
    size_t count;
    enum doctor_status worst;
};

/* Run all checks. Options are the daemon's. */
void doctor_examine(const struct options *options, struct arena *arena,
                    struct doctor_findings *out);

/* ---- for the checks -------------------------------------------------------------------------- */

struct doctor {
    struct arena *arena;
    const struct options *options;
    struct doctor_findings *findings;
    struct config config; /* read by the first check */
    struct data_dir *dir; /* opened by the second one; NULL: there is none */
    long user;            /* the process that uses it, 0: none */
};

/* Add a finding: the name, its status, a remedy (NULL: none), what was found. */
void doctor_find(struct doctor *doctor, const char *name, enum doctor_status status,
                 const char *remedy, const char *format, ...) ERR_PRINTF(5, 6);

void doctor_check_data_dir(struct doctor *doctor);
void doctor_check_permissions(struct doctor *doctor);
void doctor_check_database(struct doctor *doctor);
void doctor_check_stored(struct doctor *doctor);

#endif
