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

/* What a follower of a job is told; see fake_service_follow.c. */
struct fake_series {
    int64_t events;
    int64_t points;          /* of steps 1 to this */
    int64_t checkpoint_step; /* 0: there is none */
};

struct upload {
    struct service *service;
    struct buf bytes;
    int64_t expires_after;
};

/* Uploads in parts: their parts are gathered in the order of their arrival. */
enum { FAKE_MAX_UPLOADS = 8, FAKE_MAX_PARTS = 16 };

struct stored_upload {
    struct upload_info info;
    struct buf parts[FAKE_MAX_PARTS];
    size_t part_count;
};

struct service {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct arena *arena; /* of what is stored */
    struct stored_file files[FAKE_MAX_FILES];
    size_t file_count;
    struct job_info jobs[FAKE_MAX_JOBS];
    size_t job_count;
    struct fake_series series[FAKE_MAX_JOBS];
    char event_message[64];
    service_listener *listener;
    void *listener_context;
    bool model_deleted;
    enum task task; /* of the fine-tuned model; TASK_AUTO: classification */
    int64_t queue_paused_at; /* 0: it is not */
    bool fail;
    struct fault fault;
    bool ready;
    bool gate_closed;
    size_t at_gate;
    size_t uploads_begun, uploads_open;
    struct stored_upload uploads[FAKE_MAX_UPLOADS];
    size_t upload_count;
    size_t archives_open;
};

extern const char *const fake_labels[FAKE_LABELS];
extern const struct named_value fake_metrics[FAKE_METRICS];

/* Lock; -1 when the test wants this call to fail. The caller leaves in either case. */
int fake_enter(struct service *service, struct fault_list *faults);

/* Unlock and return result. */
int fake_leave(struct service *service, int result);

/* The model of that name, or MODEL_NOT_FOUND; called with the lock held. */
int fake_find_model(struct service *service, const char *id, struct model_info *out,
                    struct fault_list *faults);

void fake_store_file(struct service *service, const char *id, const char *name, const char *purpose,
                     struct buf *bytes_taken);

void fake_store_jobs(struct service *service);

/* An unlinked temporary file with these bytes, read from its start. */
int fake_open_bytes(const void *bytes, size_t length);

#endif
