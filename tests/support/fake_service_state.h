/*
 * The fake service's insides, for the fake_service*.c files only.
 */
#ifndef TESTS_SUPPORT_FAKE_SERVICE_STATE_H
#define TESTS_SUPPORT_FAKE_SERVICE_STATE_H

#include "core/base/buf.h"
#include "tests/support/fake_service.h"

#include <pthread.h>

enum { FAKE_MAX_FILES = 4096, FAKE_MAX_JOBS = 256, FAKE_LABELS = 3, FAKE_METRICS = 4 };

struct stored_file {
    struct file_info info;
    struct buf bytes;
    bool deleted;
};

struct service {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct arena *arena; /* of what is stored */
    struct stored_file files[FAKE_MAX_FILES];
    size_t file_count;
    struct job_info jobs[FAKE_MAX_JOBS];
    size_t job_count;
    bool model_deleted;
    bool fail;
    struct fault fault;
    bool ready;
    bool gate_closed;
    size_t at_gate;
    size_t uploads_begun, uploads_open;
};

extern const char *const fake_labels[FAKE_LABELS];
extern const struct named_value fake_metrics[FAKE_METRICS];

/* Lock; -1 when the test wants this call to fail. The caller leaves in either case. */
int fake_enter(struct service *service, struct fault_list *faults);

/* Unlock and return result. */
int fake_leave(struct service *service, int result);

void fake_store_file(struct service *service, const char *id, const char *name, const char *purpose,
                     struct buf *bytes_taken);

void fake_store_jobs(struct service *service);

/* An unlinked temporary file with these bytes, read from its start. */
int fake_open_bytes(const void *bytes, size_t length);

#endif
