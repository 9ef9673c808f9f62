/* Several workers claim at once, each on its own connection: every job goes to exactly one. */
#include "store_fixture.h"

#include <pthread.h>

enum { WORKERS = 4, JOBS = 60 };

struct worker {
    struct db_pool *pool;
    pthread_t thread;
    int64_t claimed[JOBS]; /* sequence numbers, in the order of their claims */
    size_t count;
    bool failed;
};

/* Claim, write as a worker does, until the queue is empty. Asserts stay on the main thread. */
static void *
work(void *context)
{
    struct worker *worker = context;
    struct err err;
    struct db *db = db_pool_acquire(worker->pool, &err);
    struct arena *arena = arena_new();
    bool claimed = db != NULL;
    worker->failed = db == NULL;
    while (claimed && !worker->failed && worker->count < JOBS) {
        struct job_row row = {0};
        const struct job_progress_row progress = {.step = 1};
        const struct point_row point = {.step = 1};
        if (jobs_claim(db, arena, &row, &claimed, &err) != 0) {
            worker->failed = true;
        } else if (claimed) {
            worker->claimed[worker->count++] = row.seq;
            const struct job_lease lease = {row.seq, row.attempt};
            worker->failed = jobs_flush(db, lease, &progress, &point, 1, &err) != 0;
        }
    }
    arena_free(arena);
    db_pool_release(worker->pool, db);
    return NULL;
}

static void
each_job_is_claimed_once(void **state)
{
    struct fixture *f = *state;
    const char *file = fixture_add_file(f, "fine-tune");
    struct job_new job = fixture_job(file);
    for (int i = 0; i < JOBS; i++)
        fixture_insert_job(f, &job);
    struct worker workers[WORKERS] = {{0}};
    for (size_t i = 0; i < WORKERS; i++) {
        workers[i].pool = f->store.pool;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    size_t times[JOBS + 1] = {0};
    for (size_t i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_false(workers[i].failed);
        for (size_t k = 0; k < workers[i].count; k++) {
            assert_in_range(workers[i].claimed[k], 1, JOBS);
            assert_true(k == 0 || workers[i].claimed[k] > workers[i].claimed[k - 1]);
            times[workers[i].claimed[k]]++;
        }
    }
    for (int64_t seq = 1; seq <= JOBS; seq++) {
        assert_int_equal(times[seq], 1);
        assert_int_equal(fixture_events(f, seq).count, 2);
    }
    int64_t running = 0;
    fixture_ok(f, jobs_count(f->db, JOB_STATE_RUNNING, &running, &f->err));
    assert_int_equal(running, JOBS);
}

struct canceller {
    struct db_pool *pool;
    const char *const *ids;
    pthread_t thread;
    size_t cancelled;
    bool failed;
};

static void *
cancel_all(void *context)
{
    struct canceller *canceller = context;
    struct err err;
    struct db *db = db_pool_acquire(canceller->pool, &err);
    const struct job_change cancel = {.from = 1u << JOB_STATE_QUEUED,
                                      .to = JOB_STATE_CANCELLED,
                                      .event = {.message = "Cancelled"}};
    canceller->failed = db == NULL;
    for (size_t i = JOBS; i-- > 0 && !canceller->failed;) {
        int result = jobs_change(db, canceller->ids[i], &cancel, &err);
        canceller->cancelled += result == 0;
        canceller->failed = result != 0 && result != ERR_CONFLICT;
    }
    db_pool_release(canceller->pool, db);
    return NULL;
}

/* Claims from the front, cancellations of queued jobs from the back: they meet somewhere. */
static void
claim_and_cancel_never_both_win(void **state)
{
    struct fixture *f = *state;
    const char *ids[JOBS];
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    for (size_t i = 0; i < JOBS; i++)
        ids[i] = fixture_insert_job(f, &job);
    struct worker worker = {.pool = f->store.pool};
    struct canceller canceller = {.pool = f->store.pool, .ids = ids};
    assert_int_equal(pthread_create(&worker.thread, NULL, work, &worker), 0);
    assert_int_equal(pthread_create(&canceller.thread, NULL, cancel_all, &canceller), 0);
    pthread_join(worker.thread, NULL);
    pthread_join(canceller.thread, NULL);
    assert_false(worker.failed || canceller.failed);
    assert_int_equal(worker.count + canceller.cancelled, JOBS);
    for (size_t i = 0; i < JOBS; i++)
        assert_int_equal(fixture_get_job(f, ids[i]).state,
                         i < worker.count ? JOB_STATE_RUNNING : JOB_STATE_CANCELLED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(each_job_is_claimed_once),
        STORE_TEST(claim_and_cancel_never_both_win),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
