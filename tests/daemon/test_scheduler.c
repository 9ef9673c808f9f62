/*
 * Waking and stopping sleepers; a test that hangs has failed.
 */
#include "daemon/work/scheduler.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LONG_PAUSE_MS = 3600 * 1000 };

static int
open_scheduler(void **state)
{
    struct err err;
    struct scheduler *scheduler = NULL;
    assert_int_equal(scheduler_new(&scheduler, &err), 0);
    *state = scheduler;
    return 0;
}

static int
close_scheduler(void **state)
{
    scheduler_free(*state);
    return 0;
}

/* The work arrives between the look and the sleep: the sleep must not happen. */
static void
wake_before_the_sleep_is_not_missed(void **state)
{
    struct scheduler *scheduler = *state;
    uint64_t noted = scheduler_generation(scheduler);
    scheduler_wake(scheduler);
    assert_true(scheduler_wait(scheduler, noted));
    assert_true(scheduler_generation(scheduler) != noted);
}

/* A worker that counts the pieces of work that it is woken for. */
struct sleeper {
    struct scheduler *scheduler;
    pthread_mutex_t lock;
    size_t work; /* under lock */
    size_t done; /* of the thread */
};

static void *
take_work(void *context)
{
    struct sleeper *sleeper = context;
    for (;;) {
        uint64_t generation = scheduler_generation(sleeper->scheduler);
        pthread_mutex_lock(&sleeper->lock);
        size_t work = sleeper->work;
        sleeper->work = 0;
        pthread_mutex_unlock(&sleeper->lock);
        sleeper->done += work;
        if (sleeper->done == 1000)
            return NULL;
        if (work == 0 && !scheduler_wait(sleeper->scheduler, generation))
            return NULL;
    }
}

static void
no_piece_of_work_is_slept_over(void **state)
{
    struct sleeper sleeper = {.scheduler = *state};
    pthread_t thread;
    pthread_mutex_init(&sleeper.lock, NULL);
    assert_int_equal(pthread_create(&thread, NULL, take_work, &sleeper), 0);
    for (size_t i = 0; i < 1000; i++) {
        pthread_mutex_lock(&sleeper.lock);
        sleeper.work++;
        pthread_mutex_unlock(&sleeper.lock);
        scheduler_wake(sleeper.scheduler);
    }
    pthread_join(thread, NULL);
    assert_int_equal(sleeper.done, 1000);
    pthread_mutex_destroy(&sleeper.lock);
}

static void
stop_ends_the_sleep(void **state)
{
    struct sleeper sleeper = {.scheduler = *state};
    pthread_t thread;
    pthread_mutex_init(&sleeper.lock, NULL);
    assert_int_equal(pthread_create(&thread, NULL, take_work, &sleeper), 0);
    scheduler_stop(sleeper.scheduler);
    pthread_join(thread, NULL);
    assert_int_equal(sleeper.done, 0);
    pthread_mutex_destroy(&sleeper.lock);
}

static void
nobody_sleeps_after_the_stop(void **state)
{
    struct scheduler *scheduler = *state;
    assert_false(scheduler_is_stopped(scheduler));
    scheduler_stop(scheduler);
    assert_true(scheduler_is_stopped(scheduler));
    assert_false(scheduler_wait(scheduler, scheduler_generation(scheduler)));
    assert_false(scheduler_pause(scheduler, LONG_PAUSE_MS));
    scheduler_wake(scheduler);
    assert_false(scheduler_wait(scheduler, scheduler_generation(scheduler)));
}

static void
pause_ends_by_itself(void **state)
{
    assert_true(scheduler_pause(*state, 1));
    assert_true(scheduler_pause(*state, 0));
}

#define SCHEDULER_TEST(test) cmocka_unit_test_setup_teardown(test, open_scheduler, close_scheduler)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SCHEDULER_TEST(wake_before_the_sleep_is_not_missed),
        SCHEDULER_TEST(no_piece_of_work_is_slept_over),
        SCHEDULER_TEST(stop_ends_the_sleep),
        SCHEDULER_TEST(nobody_sleeps_after_the_stop),
        SCHEDULER_TEST(pause_ends_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
