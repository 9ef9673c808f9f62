/* Sampling the threads of a pool; see profile.h. */
#include "tests/bench/profile.h"

#include "core/base/mem.h"
#include "tests/bench/measure.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* glibc before 2.38 has no name for it. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* The thread's own record while it is profiled. A wrapped function has no context to be told by. */
static _Thread_local struct profile_thread *own;

/* ---- products -------------------------------------------------------------------------------- */

void __real_gemm_run(const struct gemm_engine *engine, const struct gemm_call *call);
void __wrap_gemm_run(const struct gemm_engine *engine, const struct gemm_call *call);

/* In a dense layer B is whole: a weight, or the batch's activations; in attention a head of it. */
static struct profile_kind
kind_of(const struct gemm_call *call)
{
    size_t width = call->form == GEMM_NT ? call->k : call->n;
    struct profile_kind kind = {.form = call->form, .attention = call->ldb != width};
    if (kind.attention)
        return kind;
    kind.in = call->ldb;
    kind.out = call->form == GEMM_NT ? call->n : call->form == GEMM_NN ? call->k : call->lda;
    return kind;
}

static bool
is_same_kind(const struct profile_kind *a, const struct profile_kind *b)
{
    return a->attention == b->attention && a->form == b->form && a->in == b->in && a->out == b->out;
}

/* Index of a kind, added when new. */
static size_t
find_kind(struct profile_kind *kinds, size_t *count, size_t most, const struct profile_kind *kind)
{
    for (size_t i = 0; i < *count; i++)
        if (is_same_kind(&kinds[i], kind))
            return i;
    if (*count == most)
        return most - 1;
    kinds[*count] = *kind;
    return (*count)++;
}

void
__wrap_gemm_run(const struct gemm_engine *engine, const struct gemm_call *call)
{
    struct profile_thread *thread = own;
    if (thread == NULL) {
        __real_gemm_run(engine, call);
        return;
    }
    struct profile_kind kind = kind_of(call);
    size_t index = find_kind(thread->kinds, &thread->kind_count, PROFILE_KINDS, &kind);
    atomic_store_explicit(&thread->current, (unsigned)index + 1, memory_order_relaxed);
    __real_gemm_run(engine, call);
    atomic_store_explicit(&thread->current, 0, memory_order_relaxed);
    thread->kinds[index].calls++;
    thread->kinds[index].flops += 2.0 * (double)call->m * (double)call->n * (double)call->k;
}

/* ---- sampling -------------------------------------------------------------------------------- */

static uintptr_t
interrupted_address(const void *context)
{
#if defined(__x86_64__)
    return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.pc;
#else
    (void)context;
    return 0;
#endif
}

/* Runs on the thread that it counts. Periods that passed before it could run count here, too. */
static void
on_tick(int number, siginfo_t *info, void *context)
{
    (void)number;
    struct profile_thread *thread = info->si_value.sival_ptr;
    unsigned weight = 1 + (unsigned)info->si_overrun;
    size_t at = atomic_load_explicit(&thread->count, memory_order_relaxed);
    if (at == PROFILE_SAMPLES) {
        atomic_fetch_add_explicit(&thread->lost, weight, memory_order_relaxed);
        return;
    }
    thread->samples[at] = (struct profile_sample){
        .address = interrupted_address(context),
        .kind = atomic_load_explicit(&thread->current, memory_order_relaxed),
        .weight = weight,
    };
    atomic_store_explicit(&thread->count, at + 1, memory_order_relaxed);
}

/* Each item waits for all others, so that every thread of the pool has exactly one. */
static void
meet(struct profile *profile)
{
    atomic_fetch_add(&profile->arrived, 1);
    while (atomic_load(&profile->arrived) % profile->thread_count != 0)
        sched_yield();
}

static void
start_item(void *context, size_t item, size_t thread)
{
    (void)item;
    struct profile *profile = context;
    struct profile_thread *mine = &profile->threads[thread];
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    const struct timespec period = {.tv_nsec = 1000000000L / PROFILE_HERTZ};
    const struct itimerspec times = {.it_interval = period, .it_value = period};
    event.sigev_value.sival_ptr = mine;
    event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    own = mine;
    if (timer_create(CLOCK_MONOTONIC, &event, &mine->timer) != 0)
        profile->failure = errno;
    else
        timer_settime(mine->timer, 0, &times, NULL);
    meet(profile);
}

/* A thread deletes its own timer: a signal that waits is delivered before it goes on. */
static void
stop_item(void *context, size_t item, size_t thread)
{
    (void)item;
    struct profile *profile = context;
    if (profile->failure == 0)
        timer_delete(profile->threads[thread].timer);
    own = NULL;
    meet(profile);
}

void
profile_start(void *context)
{
    struct profile *profile = context;
    struct sigaction action = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGPROF, &action, NULL);
    atomic_store(&profile->arrived, 0);
    profile->began = measure_now();
    pool_run(profile->pool, start_item, profile, profile->thread_count);
}

void
profile_stop(void *context)
{
    struct profile *profile = context;
    atomic_store(&profile->arrived, 0);
    pool_run(profile->pool, stop_item, profile, profile->thread_count);
    profile->seconds = measure_now() - profile->began;
}

/* ---- the record ------------------------------------------------------------------------------ */

int
profile_init(struct profile *profile, struct pool *pool, struct err *err)
{
    *profile = (struct profile){.thread_count = pool_threads(pool), .pool = pool};
    size_t bytes = profile->thread_count * sizeof *profile->threads;
    profile->threads = mem_small(bytes);
    memset(profile->threads, 0, bytes);
    for (size_t i = 0; i < profile->thread_count; i++) {
        struct profile_thread *thread = &profile->threads[i];
        thread->samples = mem_array(PROFILE_SAMPLES, sizeof *thread->samples);
        if (thread->samples == NULL) {
            profile_fini(profile);
            return err_set(err, ERR_MEMORY, "the samples of a profile do not fit into memory");
        }
    }
    return 0;
}

void
profile_fini(struct profile *profile)
{
    for (size_t i = 0; i < profile->thread_count; i++)
        free(profile->threads[i].samples);
    free(profile->threads);
    *profile = (struct profile){0};
}

size_t
profile_kinds(const struct profile *profile, struct profile_kind *kinds, size_t most)
{
    size_t count = 0;
    for (size_t t = 0; t < profile->thread_count; t++) {
        const struct profile_thread *thread = &profile->threads[t];
        size_t places[PROFILE_KINDS];
        for (size_t k = 0; k < thread->kind_count; k++) {
            struct profile_kind kind = thread->kinds[k];
            size_t calls = kind.calls;
            double flops = kind.flops;
            kind.calls = 0;
            kind.flops = 0;
            kind.seconds = 0;
            places[k] = find_kind(kinds, &count, most, &kind);
            kinds[places[k]].calls += calls;
            kinds[places[k]].flops += flops;
        }
        for (size_t i = 0; i < thread->count; i++) {
            const struct profile_sample *sample = &thread->samples[i];
            if (sample->kind > 0)
                kinds[places[sample->kind - 1]].seconds += sample->weight * PROFILE_PERIOD;
        }
    }
    return count;
}
