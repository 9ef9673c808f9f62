/*
 * The seam: everything that a client can ask of the daemon, without a word of HTTP or SQL.
 *
 * api/ calls these functions; its tests link a fake with the same names. Every result is plain
 * structs whose strings live in the arena that the caller passed (one per request). A function
 * returns 0, or -1 with at least one fault in `faults`. All are thread-safe. Functions marked SLOW
 * read files or compute: the HTTP layer runs them off its own threads.
 */
#ifndef DAEMON_SERVICE_H
#define DAEMON_SERVICE_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/fault.h"
#include "daemon/job_status.h"
#include "daemon/service_life.h"
#include "daemon/service_use.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct service;

/* A page of a list: up to limit items after (not including) the item named by `after`. */
struct page {
    const char *after; /* NULL: from the start */
    size_t limit;
    bool ascending; /* by sequence; lists are newest first otherwise */
};

/* ---- files ---------------------------------------------------------------------------------- */

enum file_status { FILE_PROCESSED, FILE_ERROR };

/* The purpose of a file with the measures of a job as CSV; nobody can upload one. */
#define FILE_PURPOSE_RESULTS "fine-tune-results"

struct file_info {
    const char *id;
    int64_t bytes;
    int64_t created_at; /* unix seconds, as all times below unless they end in _ms */
    const char *filename;
    const char *purpose;
    enum file_status status;
    const char *status_details; /* the first fault with its line; NULL when processed */
    int64_t expires_at;         /* 0: never */
};

struct file_list {
    struct file_info *items;
    size_t count;
    bool has_more;
    int64_t total; /* of all that match, not only this page */
};

/* What a file's life may be, when it is to have an end. */
enum { FILE_EXPIRES_MIN_SECONDS = 3600, FILE_EXPIRES_MAX_SECONDS = 30 * 24 * 3600 };

/* A body on its way in, kept in the data directory's tmp/ until it is whole. */
struct upload;

int service_upload_begin(struct service *service, struct upload **out, struct fault_list *faults);
int service_upload_write(struct upload *upload, const void *bytes, size_t length,
                         struct fault_list *faults);
/* SLOW. Checks the bytes, stores them; the upload is gone afterwards, also on failure. An empty
 * body is a fault. */
int service_upload_finish_take(struct upload *upload, const char *filename, const char *purpose,
                               struct arena *arena, struct file_info *out,
                               struct fault_list *faults);
/* The file shall go that many seconds after it was stored; 0: never. Judged when it is finished. */
void service_upload_set_expiry(struct upload *upload, int64_t expires_after);
/* Drop an unfinished upload; NULL is fine. */
void service_upload_abort(struct upload *upload);

/* purpose NULL: all. */
int service_files_list(struct service *service, const struct page *page, const char *purpose,
                       struct arena *arena, struct file_list *out, struct fault_list *faults);
int service_file_get(struct service *service, const char *id, struct arena *arena,
                     struct file_info *out, struct fault_list *faults);
/* An open descriptor of the file's bytes, to be closed by the caller. */
int service_file_open(struct service *service, const char *id, struct arena *arena,
                      struct file_info *out, int *fd, struct fault_list *faults);
/* IN_USE while an unfinished job or evaluation needs it. */
int service_file_delete(struct service *service, const char *id, struct fault_list *faults);

/* ---- jobs ----------------------------------------------------------------------------------- */

struct named_value {
    const char *name;
    double value;
};

struct job_progress {
    int64_t step, total_steps;
    double epoch; /* completed, with fraction */
    double percent;
    double seconds_elapsed, seconds_left; /* seconds_left < 0: not known yet */
    double rows_per_second, tokens_per_second;
};

struct job_info {
    const char *id;
    enum job_status status;
    int64_t created_at, started_at, finished_at; /* 0: not yet */
    const char *model;                           /* as resolved: the base model's id */
    const char *training_file;                   /* ids; the optional ones may be NULL */
    const char *validation_file, *test_file;
    const char *suffix; /* or NULL */
    int64_t seed;
    const char *metadata_json;                            /* a JSON object, or NULL */
    const char *fine_tuned_model;                         /* or NULL */
    const char *result_file;                              /* id of its measures as CSV, or NULL */
    const char *error_code, *error_message, *error_param; /* NULL unless failed */
    int64_t trained_tokens;                               /* < 0: not finished */
    const char *task;
    const char *labels_json;     /* id order, a JSON array of strings */
    const char *parameters_json; /* every value in force, a JSON object */
    const char *baseline_json;   /* what simple models say, a JSON object; NULL: not known */
    struct job_progress progress;
    const struct named_value *metrics; /* the latest of each */
    size_t metric_count;
    const char *engine, *precision; /* NULL before it ran */
    int64_t threads;
    int64_t peak_memory_bytes;      /* < 0: not known */
    int64_t estimated_memory_bytes; /* of the peak, told at creation; < 0: not known */
    int64_t epoch_rows;             /* that an epoch visits; < 0: not known */
    int64_t attempt;                /* 1 for the first; 0 before it ran */
    int64_t queue_position;         /* 1 = next; 0 when not queued */
    int64_t priority;
};

struct job_list {
    struct job_info *items;
    size_t count;
    bool has_more;
};

struct metadata_filter {
    const char *key;
    const char *value;
};

/*
 * SLOW. Create a job from the JSON text of a create request (the body as it came: it is kept
 * verbatim). All faults of the body are reported at once; then files and model are judged.
 */
int service_job_create(struct service *service, const char *body, size_t length,
                       struct arena *arena, struct job_info *out, struct fault_list *faults);
int service_jobs_list(struct service *service, const struct page *page,
                      const struct metadata_filter *filters, size_t filter_count,
                      struct arena *arena, struct job_list *out, struct fault_list *faults);
int service_job_get(struct service *service, const char *id, struct arena *arena,
                    struct job_info *out, struct fault_list *faults);

struct event_info {
    const char *id;
    int64_t created_at;
    const char *level; /* "info", "warn", "error" */
    const char *message;
    const char *type;      /* "message" or "metrics" */
    const char *data_json; /* an object, or NULL */
    const char *code;      /* what kind of event it is, or NULL */
};

struct event_list {
    struct event_info *items;
    size_t count;
    bool has_more;
};

int service_job_events(struct service *service, const char *job_id, const struct page *page,
                       struct arena *arena, struct event_list *out, struct fault_list *faults);

struct metric_point {
    int64_t step;
    double epoch;
    int64_t created_at;
    const struct named_value *values;
    size_t value_count;
};

struct metric_query {
    int64_t after_step; /* points with a greater step; -1 for all */
    size_t limit;
    bool thinned; /* all of them in at most limit points: extremes of runs of steps; limit >= 2 */
    const char *const *names; /* only these metrics; NULL for all */
    size_t name_count;
};

struct metric_list {
    struct metric_point *items; /* ascending by step */
    size_t count;
    bool has_more;
    int64_t last_step; /* of the whole series, -1 when it is empty */
};

int service_job_metrics(struct service *service, const char *job_id,
                        const struct metric_query *query, struct arena *arena,
                        struct metric_list *out, struct fault_list *faults);

struct checkpoint_info {
    const char *id;
    int64_t created_at;
    const char *model; /* "ft:…:ckpt-step-N" */
    int64_t step;
    const char *job_id;
    const struct named_value *metrics;
    size_t metric_count;
};

struct checkpoint_list {
    struct checkpoint_info *items;
    size_t count;
    bool has_more;
};

int service_job_checkpoints(struct service *service, const char *job_id, const struct page *page,
                            struct arena *arena, struct checkpoint_list *out,
                            struct fault_list *faults);

/* ---- models --------------------------------------------------------------------------------- */

struct model_info {
    const char *id;
    int64_t created_at;
    const char *owned_by; /* "system" for base models of the operator, "user" otherwise */
    bool fine_tuned;
    const char *weights; /* "pretrained", "random" or "fine-tuned" */
    const char *root;    /* base model of a fine-tuned one, or NULL */
    const char *job_id;  /* or NULL */
    const char *task;    /* or NULL */
    int64_t hidden_size, layers, parameters, max_seq_length;
    int64_t stride; /* tokens that the windows of a longer text share; < 0: it is cut */
    const char *const *left_out; /* when just imported: files that are not a model's; else NULL */
    size_t left_out_count;
};

struct model_list {
    struct model_info *items;
    size_t count;
};

struct model_file {
    const char *name;
    int64_t bytes;
    const char *sha256; /* hex */
};

struct model_file_list {
    struct model_file *items;
    size_t count;
};

int service_models_list(struct service *service, struct arena *arena, struct model_list *out,
                        struct fault_list *faults);
int service_model_get(struct service *service, const char *id, struct arena *arena,
                      struct model_info *out, struct fault_list *faults);
/* Fine-tuned and imported models and checkpoints; BASE_MODEL_PROTECTED for other base models. */
int service_model_delete(struct service *service, const char *id, struct fault_list *faults);
/* SLOW (hashes are computed once and kept). */
int service_model_files(struct service *service, const char *id, struct arena *arena,
                        struct model_file_list *out, struct fault_list *faults);
/* SLOW. name must be one of the model's files; the caller closes *fd. */
int service_model_file_open(struct service *service, const char *id, const char *name,
                            struct arena *arena, struct model_file *out, int *fd,
                            struct fault_list *faults);

/* ---- the daemon itself ---------------------------------------------------------------------- */

struct health_check {
    const char *name;
    const char *state; /* "ok" or a reason */
};

struct health {
    bool ready;
    struct health_check checks[8];
    size_t count;
};

/* Database writable, workers alive, room on the disk, not stopping. */
void service_health(struct service *service, struct arena *arena, struct health *out);

struct version_info {
    const char *version, *commit;
    int64_t schema, format, numerics;
    const char *engine; /* gemm_engine_name */
    const char *cpu;
};

void service_version(struct service *service, struct arena *arena, struct version_info *out);

#include "daemon/service_data.h"
#include "daemon/service_evaluations.h"
#include "daemon/service_follow.h"
#include "daemon/service_transfer.h"
#include "daemon/service_uploads.h"

#endif
