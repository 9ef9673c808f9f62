/*
 * Faults: what a client did wrong or what we could not do, as it crosses the seam.
 *
 * The service says which error it is (a code), where (a parameter, a line) and what to do (a
 * sentence). How that looks in HTTP (status, type, title) is api/errors.h's table, one row per
 * code. Codes are part of the API: append, never rename.
 */
#ifndef DAEMON_FAULT_H
#define DAEMON_FAULT_H

#include "core/base/err.h"
#include "core/base/mem.h"

#include <stddef.h>

enum fault_code {
    FAULT_INVALID_JSON,
    FAULT_INVALID_PARAMETER,
    FAULT_UNKNOWN_PARAMETER,
    FAULT_MISSING_PARAMETER,
    FAULT_NOT_SUPPORTED_YET,
    FAULT_INVALID_CURSOR,
    FAULT_INVALID_TRAINING_FILE,
    FAULT_INVALID_VALIDATION_FILE,
    FAULT_INVALID_TEST_FILE,
    FAULT_NOT_A_CLASSIFICATION_SET,
    FAULT_MODEL_NOT_FINE_TUNED,
    FAULT_INVALID_MODEL,
    FAULT_BAD_REQUEST,
    FAULT_PROXY_WITHOUT_KEY,
    FAULT_BASE_MODEL_PROTECTED,
    FAULT_HOST_NOT_ALLOWED,
    FAULT_NOT_FOUND,
    FAULT_MODEL_NOT_FOUND,
    FAULT_FILE_NOT_FOUND,
    FAULT_JOB_NOT_FOUND,
    FAULT_UPLOAD_NOT_FOUND,
    FAULT_EVALUATION_NOT_FOUND,
    FAULT_METHOD_NOT_ALLOWED,
    FAULT_CONFLICT,
    FAULT_IN_USE,
    FAULT_PRECONDITION_FAILED,
    FAULT_LENGTH_REQUIRED,
    FAULT_BODY_TOO_LARGE,
    FAULT_UNSUPPORTED_MEDIA_TYPE,
    FAULT_QUEUE_FULL,
    FAULT_INTERNAL,
    FAULT_NOT_READY,
    FAULT_TOO_MANY_STREAMS,
    FAULT_DISK_FULL,
    FAULT_CODE_COUNT
};

struct fault {
    enum fault_code code;
    const char *param;   /* the API's name of the field, or NULL */
    size_t line;         /* of a data file, 0 when none */
    const char *message; /* a full sentence or two: the thing, what is wrong, what to do */
};

enum { FAULTS_MAX = 64 };

/* All that is wrong with one request; strings live in the arena. An all-zero list with an arena is
 * empty. */
struct fault_list {
    struct arena *arena;
    struct fault items[FAULTS_MAX];
    size_t count; /* faults beyond FAULTS_MAX are dropped */
};

/* Add a fault and return -1, so that a caller can write: return fault_add(faults, ...). */
int fault_add(struct fault_list *faults, enum fault_code code, const char *param,
              const char *format, ...) ERR_PRINTF(4, 5);

/* Add a fault for a failure of core or store: INTERNAL, or DISK_FULL for ERR_FULL; returns -1. */
int fault_add_err(struct fault_list *faults, const struct err *err);

/* The code's name on the wire: "invalid_json", …; also the name of a failed job's error. */
const char *fault_code_name(enum fault_code code);

#endif
