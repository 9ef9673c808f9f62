/* A fatal signal leaves the name of the job that it came from. Each test uses a child process. */
#include "core/base/signal_stack.h"
#include "daemon/signals.h"
#include "daemon/store/ids.h"
#include "daemon/work/crash_marker.h"
#include "tests/support/scratch.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

enum { FATAL_COUNT = sizeof fatal / sizeof fatal[0] };

/* What a child is told. */
struct plan {
    const char *path;
    char jobs[2][IDS_SIZE];
    int signal;       /* 0: the thread's stack overflows */
    size_t slot; /* of the thread that fails; CRASH_MARKER_SLOTS: of none */
};

/* Deeper for ever; what is read behind the call keeps it from becoming a loop. */
static int
overflow(const volatile char *above)
{
    volatile char here[4096];
    here[0] = above[0];
    return here[0] == 1 ? 0 : overflow(here) + here[0];
}

static void *
fail_here(void *context)
{
    const struct plan *plan = context;
    void *stack = signal_stack_enter();
    if (plan->signal == 0)
        overflow("");
    raise(plan->signal);
    signal_stack_leave(stack);
    return NULL;
}

/* A worker's thread makes the one that fails, as the pool's threads are made. */
static void *
work(void *context)
{
    struct plan *plan = context;
    pthread_t thread;
    if (plan->slot < CRASH_MARKER_SLOTS)
        crash_marker_name_thread(plan->slot);
    if (pthread_create(&thread, NULL, fail_here, plan) == 0)
        pthread_join(thread, NULL);
    return NULL;
}

static void
be_the_child(struct plan *plan)
{
    struct crash_marker *marker = NULL;
    struct err err;
    const struct rlimit no_core = {0, 0};
    pthread_t thread;
    setrlimit(RLIMIT_CORE, &no_core);
    for (size_t i = 0; i < FATAL_COUNT; i++)
        signal(fatal[i], SIG_DFL); /* instead of the test program's own handlers */
    if (crash_marker_open(plan->path, &marker, &err) != 0)
        _exit(98);
    signals_catch_crashes(crash_marker_write, marker);
    crash_marker_note(marker, 0, plan->jobs[0]);
    crash_marker_note(marker, 1, plan->jobs[1]);
    if (pthread_create(&thread, NULL, work, plan) == 0)
        pthread_join(thread, NULL);
    for (;;)
        pause(); /* until somebody else ends it */
}

static struct plan
make_plan(struct scratch *scratch, int signal, size_t slot)
{
    struct plan plan = {.path = scratch_path(scratch, "crashed"), .signal = signal, .slot = slot};
    ids_new(ID_JOB, plan.jobs[0]);
    ids_new(ID_JOB, plan.jobs[1]);
    return plan;
}

static pid_t
start(struct plan *plan)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_the_child(plan);
    return pid;
}

static void
expect_death(pid_t pid, int signal)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signal);
}

static size_t
read_marks(struct scratch *scratch, const struct plan *plan, const char *const **ids)
{
    size_t count = 0;
    struct err err;
    if (crash_marker_read(plan->path, scratch->arena, ids, &count, &err) != 0)
        fail_msg("%s", err.message);
    return count;
}

static void
crash_in_a_thread_of_a_job_names_that_job(void **state)
{
    (void)state;
    for (size_t i = 0; i < FATAL_COUNT; i++) {
        struct scratch scratch;
        const char *const *ids = NULL;
        scratch_open(&scratch);
        struct plan plan = make_plan(&scratch, fatal[i], 1);
        expect_death(start(&plan), fatal[i]);
        assert_int_equal(read_marks(&scratch, &plan, &ids), 1);
        assert_string_equal(ids[0], plan.jobs[1]);
        scratch_close(&scratch);
    }
}

static void
overflow_of_a_stack_is_marked_too(void **state)
{
    struct scratch scratch;
    const char *const *ids = NULL;
    (void)state;
    scratch_open(&scratch);
    struct plan plan = make_plan(&scratch, 0, 1);
    expect_death(start(&plan), SIGSEGV);
    assert_int_equal(read_marks(&scratch, &plan, &ids), 1);
    assert_string_equal(ids[0], plan.jobs[1]);
    scratch_close(&scratch);
}

static void
crash_in_another_thread_names_none(void **state)
{
    struct scratch scratch;
    const char *const *ids = NULL;
    (void)state;
    scratch_open(&scratch);
    struct plan plan = make_plan(&scratch, SIGSEGV, CRASH_MARKER_SLOTS);
    expect_death(start(&plan), SIGSEGV);
    assert_int_equal(read_marks(&scratch, &plan, &ids), 0);
    scratch_close(&scratch);
}

/* SIGTERM is no crash: nothing is written, and signals_catch_crashes leaves it alone. */
static void
other_signals_leave_no_mark(void **state)
{
    struct scratch scratch;
    const char *const *ids = NULL;
    (void)state;
    scratch_open(&scratch);
    struct plan plan = make_plan(&scratch, SIGTERM, 0);
    expect_death(start(&plan), SIGTERM);
    assert_int_equal(read_marks(&scratch, &plan, &ids), 0);
    scratch_close(&scratch);
}

static void
what_is_no_id_is_passed_over_and_a_new_run_begins_empty(void **state)
{
    struct scratch scratch;
    const char *const *ids = NULL;
    struct crash_marker *marker = NULL;
    struct err err;
    (void)state;
    scratch_open(&scratch);
    struct plan plan = make_plan(&scratch, 0, 0);
    assert_int_equal(read_marks(&scratch, &plan, &ids), 0); /* no file yet */
    scratch_write_text(&scratch, "crashed",
                       arena_printf(scratch.arena, "ftjob-x\n../../etc\n%s\n%s\nftjob-abc",
                                    plan.jobs[0], plan.jobs[0]));
    assert_int_equal(read_marks(&scratch, &plan, &ids), 1);
    assert_string_equal(ids[0], plan.jobs[0]);
    assert_int_equal(crash_marker_open(plan.path, &marker, &err), 0);
    assert_int_equal(read_marks(&scratch, &plan, &ids), 0);
    crash_marker_note(marker, 3, plan.jobs[0]);
    crash_marker_write(marker, true);
    assert_int_equal(read_marks(&scratch, &plan, &ids), 1);
    crash_marker_note(marker, 3, "");
    crash_marker_write(marker, true);
    assert_int_equal(read_marks(&scratch, &plan, &ids), 1);
    crash_marker_close(marker);
    scratch_close(&scratch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crash_in_a_thread_of_a_job_names_that_job),
        cmocka_unit_test(overflow_of_a_stack_is_marked_too),
        cmocka_unit_test(crash_in_another_thread_names_none),
        cmocka_unit_test(other_signals_leave_no_mark),
        cmocka_unit_test(what_is_no_id_is_passed_over_and_a_new_run_begins_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
