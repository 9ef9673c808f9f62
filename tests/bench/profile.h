/*
 * Where the time of training steps goes, without a line in the core.
 *
 * Each thread of the pool has a timer on the wall clock that interrupts it a thousand times a
 * second; the handler notes the address that it interrupted. So every moment of every thread is
 * counted, waiting and being out-scheduled too, and the parts add up to threads x wall time. What
 * an address means is looked up afterwards (symbols.h, parts.h).
 *
 * Matrix products of all layers run in the same few functions. To tell them apart the program is
 * linked with --wrap=gemm_run: each call passes through here, which notes on the thread which
 * product it is (form and sizes), so that a sample knows, and counts its operations.
 */
#ifndef TESTS_BENCH_PROFILE_H
#define TESTS_BENCH_PROFILE_H

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/gemm/gemm.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { PROFILE_HERTZ = 997, PROFILE_KINDS = 64, PROFILE_SAMPLES = 1 << 18 };

/* Products of one kind. Dense ones by the weight's shape, whatever rows take part. */
struct profile_kind {
    enum gemm_form form;
    bool attention;
    size_t out, in; /* of a dense layer; 0 for attention */
    size_t calls;
    double flops;
    double seconds; /* of samples; filled by profile_kinds */
};

struct profile_sample {
    uintptr_t address;
    uint32_t kind;   /* index + 1 of the product under way, 0: none */
    uint32_t weight; /* periods that it stands for */
};

struct profile_thread {
    timer_t timer;
    atomic_uint current; /* as profile_sample.kind; read by the handler on the same thread */
    struct profile_kind kinds[PROFILE_KINDS]; /* the last takes what finds no place */
    size_t kind_count;
    struct profile_sample *samples; /* PROFILE_SAMPLES of them */
    atomic_size_t count;
    atomic_size_t lost; /* periods behind the last place */
};

struct profile {
    size_t thread_count;
    struct profile_thread *threads;
    struct pool *pool;
    double began, seconds; /* wall time between start and stop */
    atomic_int failure;    /* errno of a timer that could not be had, 0: none */
    atomic_size_t arrived;
};

int profile_init(struct profile *profile, struct pool *pool, struct err *err);
void profile_fini(struct profile *profile);

/* Begin and end counting; the pool is idle. Contexts for struct training_job. */
void profile_start(void *profile);
void profile_stop(void *profile);

/* What one period of one sample stands for. */
#define PROFILE_PERIOD (1.0 / PROFILE_HERTZ)

/* All threads' kinds added up, at most `most`, in the order of first use on the first thread. */
size_t profile_kinds(const struct profile *profile, struct profile_kind *kinds, size_t most);

#endif
