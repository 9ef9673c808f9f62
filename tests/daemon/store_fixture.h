/*
 * A store of its own for each test, with what most tests need in it: a file, a job.
 */
#ifndef TESTS_DAEMON_STORE_FIXTURE_H
#define TESTS_DAEMON_STORE_FIXTURE_H

#include "daemon/store/files.h"
#include "daemon/store/jobs.h"
#include "daemon/store/store.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    struct arena *arena;
    const char *path;
    struct store store;
    struct db *db;
    struct err err;
};

static const char fixture_sha256[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static inline void
fixture_open_store(struct fixture *f)
{
    if (store_open(f->path, &f->store, &f->err) != 0)
        fail_msg("%s", f->err.message);
    f->db = db_pool_acquire(f->store.pool, &f->err);
    assert_non_null(f->db);
}

static inline void
fixture_close_store(struct fixture *f)
{
    db_pool_release(f->store.pool, f->db);
    f->db = NULL;
    store_close(&f->store);
}

static inline int
fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    scratch_open(&f->scratch);
    f->arena = f->scratch.arena;
    f->path = scratch_path(&f->scratch, "data");
    fixture_open_store(f);
    *state = f;
    return 0;
}

static inline int
fixture_teardown(void **state)
{
    struct fixture *f = *state;
    if (f->db != NULL)
        fixture_close_store(f);
    scratch_close(&f->scratch);
    free(f);
    return 0;
}

/* Fail with the message of the last error unless result is 0. */
static inline void
fixture_ok(struct fixture *f, int result)
{
    if (result != 0)
        fail_msg("%s", f->err.message);
}

static inline const char *
fixture_add_file(struct fixture *f, const char *purpose)
{
    char *id = arena_alloc(f->arena, IDS_SIZE);
    ids_new(ID_FILE, id);
    struct file_row row = {.id = id,
                           .bytes = 12,
                           .filename = "train.jsonl",
                           .purpose = purpose,
                           .sha256 = fixture_sha256};
    fixture_ok(f, files_insert(f->db, &row, &f->err));
    return id;
}

static const char *const fixture_labels[] = {"no", "yes"};

/* A job on a file, with defaults that a test changes. */
static inline struct job_new
fixture_job(const char *file)
{
    return (struct job_new){.model = "base",
                            .root_model = "base",
                            .training_file = file,
                            .seed = 7,
                            .request = "{\"model\": \"base\"}",
                            .request_length = strlen("{\"model\": \"base\"}"),
                            .parameters_json = "{\"n_epochs\":3}",
                            .task = "classification",
                            .labels = fixture_labels,
                            .label_count = 2,
                            .epoch_rows = 960,
                            .estimated_memory_bytes = 123456789};
}

static inline const char *
fixture_insert_job(struct fixture *f, const struct job_new *job)
{
    char *id = arena_alloc(f->arena, IDS_SIZE);
    const struct event_new event = {.message = "Created"};
    fixture_ok(f, jobs_insert(f->db, job, &event, id, &f->err));
    return id;
}

static inline struct job_row
fixture_get_job(struct fixture *f, const char *id)
{
    struct job_row row = {0};
    fixture_ok(f, jobs_get(f->db, id, f->arena, &row, &f->err));
    return row;
}

/* Insert a job on a new file and claim it. */
static inline struct job_row
fixture_start_job(struct fixture *f)
{
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    fixture_insert_job(f, &job);
    struct job_row row = {0};
    bool claimed = false;
    fixture_ok(f, jobs_claim(f->db, f->arena, &row, &claimed, &f->err));
    assert_true(claimed);
    return row;
}

static inline struct job_lease
fixture_lease(const struct job_row *row)
{
    return (struct job_lease){row->seq, row->attempt};
}

/* Events of a job, oldest first. */
static inline struct event_rows
fixture_events(struct fixture *f, int64_t job_seq)
{
    struct event_rows rows = {0};
    const struct list_query query = {.limit = 1000, .ascending = true};
    fixture_ok(f, events_page(f->db, job_seq, &query, f->arena, &rows, &f->err));
    return rows;
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

#endif
