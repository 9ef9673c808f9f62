/*
 * Evaluations: the rows. What a job measured of its final model (two at most, with the job), and
 * what clients asked of a model and a file, each carried out by work/evaluation_thread.h.
 *
 * A document is the text of a JSON object (core/eval/evaluation.h). A list leaves its long members
 * out. Model and files are ids, no foreign keys: a result shows them after they are gone.
 */
#ifndef DAEMON_STORE_EVALUATIONS_H
#define DAEMON_STORE_EVALUATIONS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/db.h"
#include "daemon/store/rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EVALUATIONS_MAX_WAITING = 100,
    EVALUATIONS_MAX_ATTEMPTS = 3 /* that a crash may end; then it has failed */
};

enum evaluation_state {
    EVALUATION_STATE_QUEUED,
    EVALUATION_STATE_RUNNING,
    EVALUATION_STATE_SUCCEEDED,
    EVALUATION_STATE_FAILED,
    EVALUATION_STATE_COUNT
};

struct evaluation_row {
    int64_t seq;    /* given by evaluations_insert, as are id, state and created_at */
    const char *id; /* "eval-…" */
    enum evaluation_state state;
    int64_t created_at, started_at, finished_at; /* 0: not yet */
    const char *model;
    const char *file;
    const char *compare_to; /* a model, or NULL */
    int64_t attempt;        /* 0 before it ran */
    const char *error_code, *error_message, *error_param;
    const char *document_json; /* of a succeeded one */
};

struct evaluation_row_list {
    struct evaluation_row *items;
    size_t count;
    bool has_more;
};

/* Insert row, queued; until it has ended, its file and its models cannot be deleted. ERR_CONFLICT
 * when EVALUATIONS_MAX_WAITING have not ended; ERR_NOT_FOUND without the file or a model. */
int evaluations_insert(struct db *db, struct evaluation_row *row, struct arena *arena,
                       struct err *err);

/* ERR_NOT_FOUND. */
int evaluations_get(struct db *db, const char *id, struct arena *arena, struct evaluation_row *out,
                    struct err *err);

/* A page, with the measures of the documents alone. ERR_NOT_FOUND for a wrong cursor. */
int evaluations_page(struct db *db, const struct list_query *query, struct arena *arena,
                     struct evaluation_row_list *out, struct err *err);

/* ERR_NOT_FOUND. */
int evaluations_delete(struct db *db, const char *id, struct err *err);

/* The one that waits longest becomes running, in a new attempt: 1, or 0 when none waits. */
int evaluations_claim(struct db *db, struct arena *arena, struct evaluation_row *out,
                      struct err *err);

/* How one that runs ends: with a document or with an error. */
struct evaluation_end {
    const char *id;
    int64_t attempt;
    const char *document_json; /* NULL: it failed */
    const char *error_code, *error_message, *error_param;
};

/* ERR_CONFLICT when it was deleted or is in another attempt: nobody wants the result. */
int evaluations_finish(struct db *db, const struct evaluation_end *end, struct err *err);

/* The daemon stops: back into the queue, as if it had not begun. ERR_CONFLICT as above. */
int evaluations_give_back(struct db *db, const char *id, int64_t attempt, struct err *err);

/* At the start: what a crash left running waits again or, after EVALUATIONS_MAX_ATTEMPTS, has
 * failed. */
int evaluations_recover(struct db *db, struct err *err);

/* ---- of jobs --------------------------------------------------------------------------------- */

/* In the order of the column's words: "validation", "test". */
enum job_evaluation_part { JOB_EVALUATION_VALIDATION, JOB_EVALUATION_TEST, JOB_EVALUATION_PARTS };

/* Part of the transaction that ends the job. */
int job_evaluations_insert(struct db *db, int64_t job_seq, enum job_evaluation_part part,
                           const char *document_json, struct err *err);

/* *document_json = NULL when the job has none. */
int job_evaluations_get(struct db *db, int64_t job_seq, enum job_evaluation_part part,
                        struct arena *arena, const char **document_json, struct err *err);

#endif
