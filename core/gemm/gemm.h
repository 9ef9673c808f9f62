/*
 * Matrix products: one interface, whatever library computes them.
 *
 * All matrices are row-major float with a leading dimension (elements from one row to the next).
 * A product is computed on the calling thread alone, unless the engine was made to share it;
 * parallelism is the pool's. The same call with the same numbers gives the same bits, on any
 * thread.
 *
 * Engines are opened with dlopen at run time, so that the environment which OpenBLAS reads in its
 * constructor (which kernels, how many threads) can be set first. Pick one with gemm_engine_open
 * before any other thread exists.
 */
#ifndef CORE_GEMM_GEMM_H
#define CORE_GEMM_GEMM_H

#include "core/base/err.h"
#include "core/base/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gemm_form {
    GEMM_NN, /* C(m,n) = A(m,k) B(k,n) */
    GEMM_NT, /* C(m,n) = A(m,k) B(n,k)^T */
    GEMM_TN  /* C(m,n) = A(k,m)^T B(k,n) */
};

/* How the operands enter a product; sums are always kept in float. */
enum gemm_precision {
    GEMM_FP32,
    GEMM_BF16 /* every element of A and B is first rounded to bfloat16, to nearest even */
};

struct gemm_call {
    enum gemm_form form;
    enum gemm_precision precision;
    size_t m, n, k;
    const float *a;
    size_t lda;
    const float *b;
    size_t ldb;
    /* of GEMM_TN in GEMM_BF16: an operand that is stored rounded, in place of a or b; else NULL */
    const uint16_t *a_half, *b_half;
    /* 0; or B of GEMM_NN stands in panels (gemm_panels): ldb is their width, and this many floats
     * lie from one panel to the next */
    size_t panel_stride;
    const float *bias; /* (n), added to every row of C; NULL for none */
    bool accumulate;   /* C += instead of C = ; not together with bias */
    float *c;
    size_t ldc;
};

struct gemm_engine;

/*
 * Open the best engine for this processor and test it against plain C; or the one named ("native",
 * "onednn", "openblas"), or no other; NULL or "auto": the best. Sets OPENBLAS_CORETYPE (by CPUID,
 * unless the user set it), OPENBLAS_NUM_THREADS=1 and OMP_NUM_THREADS=1 in the environment: call it
 * early in main, before threads. ERR_UNSUPPORTED when none loads or its results are wrong, with the
 * names that were tried; ERR_INVALID for a name that is none.
 */
int gemm_engine_open(const char *wanted, struct gemm_engine **out, struct err *err);
void gemm_engine_close(struct gemm_engine *engine);

/* Name, version and kernel set as they stand in the numerics key: "openblas-0.3.21-SkylakeX". */
const char *gemm_engine_name(const struct gemm_engine *engine);

/* Whether GEMM_BF16 runs on this processor's own bfloat16 instructions, that is: fast. Calls with
 * GEMM_BF16 are allowed only then. */
bool gemm_engine_has_bf16(const struct gemm_engine *engine);

/* GFLOP/s of one thread on a fixed product, measured now in about a millisecond; for the log only.
 */
double gemm_engine_rate(const struct gemm_engine *engine);

/*
 * How many columns of B the engine reads side by side: a matrix that many products use may be
 * brought into panels of that width once. 0: the engine does not take panels.
 */
size_t gemm_panel_width(const struct gemm_engine *engine);

/*
 * b (n,k) as the panels of its transpose: panel p holds columns p * width .. of B = b^T, k rows of
 * `width` floats; n a multiple of the width. panels (n * k) has panel_stride k * width.
 */
void gemm_panels(const struct gemm_engine *engine, size_t n, size_t k, const float *b,
                 float *panels);

/*
 * The same engine, but every large product is cut by columns and shared among the pool's threads,
 * to the same bits: for work that has but one chunk. From one thread at a time, which does not run
 * in that pool. Where an engine's bits would depend on the cut (any but the native one) nothing is
 * shared. To be released with gemm_engine_unshare, before the engine and the pool.
 */
struct gemm_engine *gemm_engine_share(const struct gemm_engine *engine, struct pool *pool);
void gemm_engine_unshare(struct gemm_engine *shared);

/* Compute one product. m, n and k may be 0: an empty sum is zero. */
void gemm_run(const struct gemm_engine *engine, const struct gemm_call *call);

#endif
