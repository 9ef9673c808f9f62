/* Who follows a job sees all of it, once, and is woken for everything. */
#include "service_fixture.h"

#include <pthread.h>
#include <time.h>

/* A follower that sleeps until it is told. */
struct follower {
    struct service_fixture *f;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t key;
    bool told;
    struct follow_cursor cursor;
    int64_t events, points, checkpoints;
};

static void
wake(void *context, const struct service_change *change)
{
    struct follower *follower = context;
    pthread_mutex_lock(&follower->lock);
    if (change->key == 0 || change->key == follower->key) {
        follower->told = true;
        pthread_cond_signal(&follower->changed);
    }
    pthread_mutex_unlock(&follower->lock);
}

static void
wait_for_a_change(struct follower *follower)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SERVICE_WAIT_SECONDS;
    pthread_mutex_lock(&follower->lock);
    while (!follower->told)
        if (pthread_cond_timedwait(&follower->changed, &follower->lock, &until) != 0)
            fail_msg("nothing was told");
    follower->told = false;
    pthread_mutex_unlock(&follower->lock);
}

/* Everything that comes lies behind the cursor; step by step without a gap. */
static void
take(struct follower *follower, const struct follow_news *news)
{
    struct follow_cursor *cursor = &follower->cursor;
    for (size_t i = 0; i < news->event_count; i++) {
        assert_true(news->events[i].sequence > cursor->event);
        cursor->event = news->events[i].sequence;
    }
    for (size_t i = 0; i < news->point_count; i++) {
        assert_int_equal(news->points[i].step, cursor->step < 0 ? 1 : cursor->step + 1);
        cursor->step = news->points[i].step;
    }
    for (size_t i = 0; i < news->checkpoint_count; i++) {
        assert_true(news->checkpoints[i].step > cursor->checkpoint);
        cursor->checkpoint = news->checkpoints[i].step;
    }
    follower->events += (int64_t)news->event_count;
    follower->points += (int64_t)news->point_count;
    follower->checkpoints += (int64_t)news->checkpoint_count;
}

/* One look with a small limit, so that there is often more; true when the job has ended and all is
 * seen. */
static bool
look(struct follower *follower, const char *id, bool *has_more)
{
    struct service_fixture *f = follower->f;
    struct follow_news news;
    struct arena *arena = arena_new();
    fixture_ok(f,
               service_job_follow(f->service, id, &follower->cursor, 3, arena, &news, &f->faults));
    take(follower, &news);
    *has_more = news.has_more;
    bool ended = service_job_has_ended(news.job.status) && !news.has_more;
    arena_free(arena);
    return ended;
}

static void
follower_sees_every_event_point_and_checkpoint_once(void **state)
{
    struct service_fixture *f = *state;
    struct follower follower = {.f = f, .cursor = {.step = -1, .checkpoint = -1}};
    pthread_mutex_init(&follower.lock, NULL);
    pthread_cond_init(&follower.changed, NULL);
    struct job_info job = fixture_create(f, 40, ", \"n_epochs\": 2, \"batch_size\": 4");
    fixture_ok(f, service_job_key(f->service, job.id, &follower.key, &f->faults));
    service_on_change(f->service, wake, &follower);
    fixture_start(f);
    bool has_more = false;
    while (!look(&follower, job.id, &has_more))
        if (!has_more)
            wait_for_a_change(&follower);
    service_on_change(f->service, NULL, NULL);
    job = fixture_wait_success(f, job.id);
    struct page page = {.limit = 100, .ascending = true};
    struct checkpoint_list checkpoints;
    fixture_ok(
        f, service_job_checkpoints(f->service, job.id, &page, f->arena, &checkpoints, &f->faults));
    assert_int_equal(follower.events, fixture_events(f, job.id).count);
    assert_int_equal(follower.points, job.progress.total_steps);
    assert_int_equal(follower.checkpoints, checkpoints.count);
    assert_true(follower.checkpoints > 0);
    pthread_cond_destroy(&follower.changed);
    pthread_mutex_destroy(&follower.lock);
}

static void
series_of_a_job_is_thinned(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(f, 40, ", \"max_steps\": 60, \"batch_size\": 4");
    fixture_start(f);
    fixture_wait_success(f, job.id);
    struct metric_query query = {.after_step = -1, .limit = 20, .thinned = true};
    struct metric_list list;
    fixture_ok(f, service_job_metrics(f->service, job.id, &query, f->arena, &list, &f->faults));
    assert_in_range(list.count, 2, 20);
    assert_int_equal(list.items[0].step, 1);
    assert_int_equal(list.items[list.count - 1].step, 60);
    assert_false(list.has_more);
}

static void
unknown_jobs_cannot_be_followed(void **state)
{
    struct service_fixture *f = *state;
    struct follow_cursor cursor = {0};
    struct follow_news news;
    int64_t key;
    fixture_refused(
        f, service_job_follow(f->service, "ftjob-none", &cursor, 1, f->arena, &news, &f->faults),
        FAULT_JOB_NOT_FOUND, "id");
    fixture_refused(f, service_job_key(f->service, "ftjob-none", &key, &f->faults),
                    FAULT_JOB_NOT_FOUND, "id");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE_TEST(follower_sees_every_event_point_and_checkpoint_once),
        IDLE_TEST(series_of_a_job_is_thinned),
        IDLE_TEST(unknown_jobs_cannot_be_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
