/*
 * Rows as tables: which column of a SELECT fills which field of which struct.
 *
 * One list a row type, used twice: statements.c makes the text of its SELECTs of it, the row's
 * module the table that query_read_row walks. So text and reader cannot disagree. Every list ends
 * with an integer column that stands apart (the LAST of each), because SQL wants no comma behind
 * it.
 *
 * The _raw structs hold what needs a second look (state names, JSON) beside the row itself.
 * Private to this folder.
 */
#ifndef DAEMON_STORE_COLUMNS_H
#define DAEMON_STORE_COLUMNS_H

#include "daemon/store/checkpoints.h"
#include "daemon/store/evaluations.h"
#include "daemon/store/events.h"
#include "daemon/store/files.h"
#include "daemon/store/jobs.h"
#include "daemon/store/metrics.h"
#include "daemon/store/models.h"
#include "daemon/store/uploads.h"

#include <stddef.h>

enum column_kind {
    COLUMN_INTEGER, /* int64_t; NULL reads as 0 */
    COLUMN_REAL,    /* double */
    COLUMN_TEXT     /* const char * in the arena; NULL stays NULL */
};

struct column {
    enum column_kind kind;
    size_t offset;
};

/* X(kind, SQL expression, struct, field) */
#define COLUMN_TEXT_OF(kind, sql, type, field) " " sql ","
#define COLUMN_ROW_OF(kind, sql, type, field)  {COLUMN_##kind, offsetof(struct type, field)},

#define FILE_COLUMNS(X)                                                                            \
    X(TEXT, "id", file_row, id)                                                                    \
    X(INTEGER, "created_at", file_row, created_at)                                                 \
    X(INTEGER, "bytes", file_row, bytes)                                                           \
    X(TEXT, "filename", file_row, filename)                                                        \
    X(TEXT, "purpose", file_row, purpose)                                                          \
    X(TEXT, "sha256", file_row, sha256)                                                            \
    X(TEXT, "status_details", file_row, status_details)                                            \
    X(INTEGER, "expires_at", file_row, expires_at)
#define FILE_LAST " seq"

struct upload_raw {
    struct upload_row row;
    const char *status;
};

#define UPLOAD_COLUMNS(X)                                                                          \
    X(TEXT, "id", upload_raw, row.id)                                                              \
    X(TEXT, "status", upload_raw, status)                                                          \
    X(INTEGER, "created_at", upload_raw, row.created_at)                                           \
    X(INTEGER, "expires_at", upload_raw, row.expires_at)                                           \
    X(INTEGER, "bytes", upload_raw, row.bytes)                                                     \
    X(TEXT, "filename", upload_raw, row.filename)                                                  \
    X(TEXT, "purpose", upload_raw, row.purpose)                                                    \
    X(INTEGER, "expires_after", upload_raw, row.expires_after)
#define UPLOAD_LAST " seq"

#define PART_COLUMNS(X)                                                                            \
    X(TEXT, "id", part_row, id)                                                                    \
    X(INTEGER, "created_at", part_row, created_at)                                                 \
    X(INTEGER, "bytes", part_row, bytes)
#define PART_LAST " seq"

struct evaluation_raw {
    struct evaluation_row row;
    const char *status;
};

/* But the document, of which a list shows a part. */
#define EVALUATION_COLUMNS(X)                                                                      \
    X(TEXT, "id", evaluation_raw, row.id)                                                          \
    X(TEXT, "status", evaluation_raw, status)                                                      \
    X(INTEGER, "created_at", evaluation_raw, row.created_at)                                       \
    X(INTEGER, "started_at", evaluation_raw, row.started_at)                                       \
    X(INTEGER, "finished_at", evaluation_raw, row.finished_at)                                     \
    X(TEXT, "model", evaluation_raw, row.model)                                                    \
    X(TEXT, "file", evaluation_raw, row.file)                                                      \
    X(TEXT, "compare_to", evaluation_raw, row.compare_to)                                          \
    X(INTEGER, "attempt", evaluation_raw, row.attempt)                                             \
    X(TEXT, "error_code", evaluation_raw, row.error_code)                                          \
    X(TEXT, "error_message", evaluation_raw, row.error_message)                                    \
    X(TEXT, "error_param", evaluation_raw, row.error_param)                                        \
    X(TEXT, "document", evaluation_raw, row.document_json)
#define EVALUATION_LAST " seq"

#define EVENT_COLUMNS(X)                                                                           \
    X(TEXT, "id", event_row, id)                                                                   \
    X(INTEGER, "created_at", event_row, created_at)                                                \
    X(TEXT, "level", event_row, level)                                                             \
    X(TEXT, "message", event_row, message)                                                         \
    X(TEXT, "type", event_row, type)                                                               \
    X(TEXT, "data", event_row, data_json)                                                          \
    X(TEXT, "code", event_row, code)
#define EVENT_LAST " seq"

struct point_raw {
    struct point_row row;
    const char *measures_json;
};

#define POINT_COLUMNS(X)                                                                           \
    X(REAL, "epoch", point_raw, row.epoch)                                                         \
    X(INTEGER, "created_at", point_raw, row.created_at)                                            \
    X(TEXT, "measures", point_raw, measures_json)
#define POINT_LAST " step"

#define MODEL_COLUMNS(X)                                                                           \
    X(TEXT, "id", model_row, id)                                                                   \
    X(INTEGER, "created_at", model_row, created_at)                                                \
    X(TEXT, "job_id", model_row, job_id)                                                           \
    X(TEXT, "base", model_row, base)                                                               \
    X(TEXT, "root", model_row, root)                                                               \
    X(TEXT, "task", model_row, task)                                                               \
    X(INTEGER, "hidden_size", model_row, shape.hidden_size)                                        \
    X(INTEGER, "layers", model_row, shape.layers)                                                  \
    X(INTEGER, "parameters", model_row, shape.parameters)                                          \
    X(INTEGER, "max_seq_length", model_row, shape.max_seq_length)                                  \
    X(INTEGER, "stride", model_row, shape.stride)                                                  \
    X(TEXT, "files", model_row, files_json)
#define MODEL_LAST " seq"

struct checkpoint_raw {
    struct checkpoint_row row;
    const char *measures_json;
};

#define CHECKPOINT_COLUMNS(X)                                                                      \
    X(TEXT, "c.id", checkpoint_raw, row.id)                                                        \
    X(INTEGER, "c.created_at", checkpoint_raw, row.created_at)                                     \
    X(TEXT, "j.id", checkpoint_raw, row.job_id)                                                    \
    X(TEXT, "c.model", checkpoint_raw, row.model)                                                  \
    X(INTEGER, "c.step", checkpoint_raw, row.step)                                                 \
    X(INTEGER, "c.hidden_size", checkpoint_raw, row.shape.hidden_size)                             \
    X(INTEGER, "c.layers", checkpoint_raw, row.shape.layers)                                       \
    X(INTEGER, "c.parameters", checkpoint_raw, row.shape.parameters)                               \
    X(INTEGER, "c.max_seq_length", checkpoint_raw, row.shape.max_seq_length)                       \
    X(INTEGER, "c.stride", checkpoint_raw, row.shape.stride)                                       \
    X(TEXT, "c.files", checkpoint_raw, row.files_json)                                             \
    X(TEXT, "c.measures", checkpoint_raw, measures_json)
#define CHECKPOINT_LAST " c.seq"

struct job_raw {
    struct job_row row;
    const char *status, *latest_json;
};

#define JOB_COLUMNS(X)                                                                             \
    X(TEXT, "j.id", job_raw, row.id)                                                               \
    X(TEXT, "j.status", job_raw, status)                                                           \
    X(INTEGER, "j.created_at", job_raw, row.created_at)                                            \
    X(INTEGER, "j.started_at", job_raw, row.started_at)                                            \
    X(INTEGER, "j.finished_at", job_raw, row.finished_at)                                          \
    X(TEXT, "j.model", job_raw, row.model)                                                         \
    X(TEXT, "j.root_model", job_raw, row.root_model)                                               \
    X(TEXT, "j.training_file", job_raw, row.training_file)                                         \
    X(TEXT, "j.validation_file", job_raw, row.validation_file)                                     \
    X(TEXT, "j.test_file", job_raw, row.test_file)                                                 \
    X(TEXT, "j.suffix", job_raw, row.suffix)                                                       \
    X(INTEGER, "j.seed", job_raw, row.seed)                                                        \
    X(TEXT, "j.metadata", job_raw, row.metadata_json)                                              \
    X(TEXT, "j.parameters", job_raw, row.parameters_json)                                          \
    X(TEXT, "j.task", job_raw, row.task)                                                           \
    X(TEXT, "j.labels", job_raw, row.labels_json)                                                  \
    X(INTEGER, "j.priority", job_raw, row.priority)                                                \
    X(INTEGER, "j.attempt", job_raw, row.attempt)                                                  \
    X(INTEGER, "j.step", job_raw, row.progress.step)                                               \
    X(INTEGER, "j.total_steps", job_raw, row.progress.total_steps)                                 \
    X(REAL, "j.epoch", job_raw, row.progress.epoch)                                                \
    X(REAL, "j.seconds_elapsed", job_raw, row.progress.seconds_elapsed)                            \
    X(REAL, "j.rows_per_second", job_raw, row.progress.rows_per_second)                            \
    X(REAL, "j.tokens_per_second", job_raw, row.progress.tokens_per_second)                        \
    X(INTEGER, "j.trained_tokens", job_raw, row.progress.trained_tokens)                           \
    X(INTEGER, "j.peak_memory_bytes", job_raw, row.progress.peak_memory_bytes)                     \
    X(TEXT, "j.latest", job_raw, latest_json)                                                      \
    X(TEXT, "j.engine", job_raw, row.engine)                                                       \
    X(TEXT, "j.precision", job_raw, row.precision)                                                 \
    X(TEXT, "j.numerics_key", job_raw, row.numerics_key)                                           \
    X(TEXT, "j.base_sha256", job_raw, row.base_sha256)                                             \
    X(INTEGER, "j.threads", job_raw, row.threads)                                                  \
    X(INTEGER, "j.epoch_rows", job_raw, row.epoch_rows)                                            \
    X(INTEGER, "j.estimated_memory_bytes", job_raw, row.estimated_memory_bytes)                    \
    X(TEXT, "j.fine_tuned_model", job_raw, row.fine_tuned_model)                                   \
    X(TEXT, "j.result_file", job_raw, row.result_file)                                             \
    X(TEXT, "j.baseline", job_raw, row.baseline_json)                                              \
    X(TEXT, "j.error_code", job_raw, row.error_code)                                               \
    X(TEXT, "j.error_message", job_raw, row.error_message)                                         \
    X(TEXT, "j.error_param", job_raw, row.error_param)
#define JOB_LAST " j.seq"

#endif
