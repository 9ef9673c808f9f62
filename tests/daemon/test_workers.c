/* Several workers while clients cancel, pause, resume and send again: no job is lost or run twice.
 */
#include "daemon/log.h"
#include "tests/daemon/service_fixture.h"

#include <pthread.h>

enum { JOBS = 6, CLIENTS = 2, WISHES = 60 };

typedef int use_case(struct service *service, const char *id, struct arena *arena,
                     struct job_info *out, struct fault_list *faults);

static use_case *const use_cases[] = {service_job_pause, service_job_resume, service_job_cancel,
                                      service_job_retry, service_job_resume, service_job_retry};

enum { USE_CASES = sizeof use_cases / sizeof use_cases[0] };

struct client {
    struct service *service;
    const char *ids[JOBS];
    unsigned seed;
    size_t surprises; /* refusals that are none of the state table's */
};

static void *
wish(void *context)
{
    struct client *client = context;
    for (size_t i = 0; i < WISHES; i++) {
        struct job_info job;
        struct arena *arena = arena_new();
        struct fault_list *faults = arena_alloc(arena, sizeof *faults);
        *faults = (struct fault_list){.arena = arena};
        client->seed = client->seed * 1103515245u + 12345u;
        unsigned drawn = client->seed >> 16;
        const char *id = client->ids[drawn % JOBS];
        const char *body = arena_printf(arena, "{\"priority\": %u}", drawn % 50);
        if (use_cases[drawn / JOBS % USE_CASES](client->service, id, arena, &job, faults) != 0)
            client->surprises += faults->items[0].code != FAULT_CONFLICT;
        client->surprises +=
            service_job_update(client->service, id, body, strlen(body), arena, &job, faults) != 0;
        arena_free(arena);
    }
    return NULL;
}

/* Whatever the clients left: until the job has succeeded. */
static void
bring_home(struct service_fixture *f, const char *id)
{
    struct job_info job;
    time_t deadline = time(NULL) + SERVICE_WAIT_SECONDS;
    struct timespec pause = {.tv_nsec = SERVICE_ASK_MS * 1000000L};
    for (;;) {
        job = fixture_get(f, id);
        if (job.status == JOB_SUCCEEDED)
            break;
        if (job.status == JOB_PAUSED)
            fixture_ok(f, service_job_resume(f->service, id, f->arena, &job, &f->faults));
        if (job.status == JOB_CANCELLED)
            fixture_ok(f, service_job_retry(f->service, id, f->arena, &job, &f->faults));
        if (job.status == JOB_FAILED)
            fail_msg("%s: %s", job.error_code, job.error_message);
        assert_true(time(NULL) < deadline);
        nanosleep(&pause, NULL);
    }
    assert_int_equal(job.progress.step, job.progress.total_steps);
}

/* All jobs are the same but for their ids: whatever was done to them, so are their models. */
static void
jobs_that_are_driven_about_end_in_the_same_bytes(void **state)
{
    struct service_fixture *f = *state;
    struct service_options options = fixture_options(f);
    struct client clients[CLIENTS] = {{0}};
    pthread_t threads[CLIENTS];
    struct model_file_list files[JOBS];
    options.workers = 3;
    if (service_open(&options, &f->service, &f->err) != 0)
        fail_msg("%s", f->err.message);
    fixture_start(f);
    struct job_info first = fixture_create(f, 40, ", \"max_steps\": 300, \"seed\": 5");
    clients[0].ids[0] = first.id;
    for (size_t i = 1; i < JOBS; i++) {
        struct job_info job;
        fixture_ok(f, fixture_try_create(
                          f,
                          arena_printf(f->arena,
                                       "{\"model\": \"tiny\", \"training_file\": \"%s\", "
                                       "\"learning_rate\": 0.01, \"max_steps\": 300, \"seed\": 5}",
                                       first.training_file),
                          &job));
        clients[0].ids[i] = job.id;
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        memcpy(clients[i].ids, clients[0].ids, sizeof clients[0].ids);
        clients[i].service = f->service;
        clients[i].seed = i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, wish, &clients[i]), 0);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(clients[i].surprises, 0);
    }
    for (size_t i = 0; i < JOBS; i++) {
        bring_home(f, clients[0].ids[i]);
        struct job_info job = fixture_get(f, clients[0].ids[i]);
        fixture_ok(f, service_model_files(f->service, job.fine_tuned_model, f->arena, &files[i],
                                          &f->faults));
        assert_int_equal(fixture_count_events(f, job.id, "The job succeeded"), 1);
        assert_int_equal(files[i].count, files[0].count);
        for (size_t k = 0; k < files[i].count; k++)
            assert_string_equal(files[i].items[k].sha256, files[0].items[k].sha256);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PREPARED_TEST(jobs_that_are_driven_about_end_in_the_same_bytes),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
