/* Choosing, testing and calling an engine; see gemm.h. */
#include "core/gemm/gemm.h"

#include "core/base/mem.h"
#include "core/gemm/backend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct gemm_engine {
    const struct gemm_backend *backend;
    struct gemm_loaded loaded;
    struct pool *pool; /* NULL, or whose threads share large products */
};

/* In order of preference; the first that loads and passes the self-test is used. */
static const struct gemm_backend *const backends[] = {&gemm_native, &gemm_onednn, &gemm_openblas};

enum { TEST_M = 37, TEST_N = 29, TEST_K = 53, RATE_SIDE = 256, RATE_ROUNDS = 8 };

/* Element (row, column) of op(X), where X is stored transposed or not. */
static double
element(const float *x, size_t ld, bool transposed, size_t row, size_t column)
{
    return (double)(transposed ? x[column * ld + row] : x[row * ld + column]);
}

/* The largest difference between a computed C and plain C in double. */
static double
worst_difference(const struct gemm_call *call)
{
    double worst = 0;
    for (size_t i = 0; i < call->m; i++) {
        for (size_t j = 0; j < call->n; j++) {
            double sum = call->bias == NULL ? 0.0 : (double)call->bias[j];
            for (size_t p = 0; p < call->k; p++)
                sum += element(call->a, call->lda, call->form == GEMM_TN, i, p) *
                       element(call->b, call->ldb, call->form == GEMM_NT, p, j);
            double difference = fabs(sum - (double)call->c[i * call->ldc + j]);
            if (!(difference <= worst))
                worst = difference;
        }
    }
    return worst;
}

/* Does the engine multiply rightly in every form? Numbers are small fractions, exact in float. */
static bool
self_test(const struct gemm_engine *engine)
{
    static const struct {
        enum gemm_form form;
        size_t lda, ldb;
    } forms[] = {{GEMM_NN, TEST_K, TEST_N}, {GEMM_NT, TEST_K, TEST_K}, {GEMM_TN, TEST_M, TEST_N}};
    float a[TEST_M * TEST_K];
    float b[TEST_K * TEST_N];
    float c[TEST_M * TEST_N];
    float bias[TEST_N];
    for (size_t i = 0; i < TEST_M * TEST_K; i++)
        a[i] = (float)((i * 7919) % 33) / 16.0f - 1.0f;
    for (size_t i = 0; i < TEST_K * TEST_N; i++)
        b[i] = (float)((i * 104729) % 31) / 16.0f - 1.0f;
    for (size_t i = 0; i < TEST_N; i++)
        bias[i] = (float)i;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct gemm_call call = {.form = forms[i].form,
                                 .m = TEST_M,
                                 .n = TEST_N,
                                 .k = TEST_K,
                                 .a = a,
                                 .lda = forms[i].lda,
                                 .b = b,
                                 .ldb = forms[i].ldb,
                                 .bias = bias,
                                 .c = c,
                                 .ldc = TEST_N};
        gemm_run(engine, &call);
        if (!(worst_difference(&call) < 1e-4))
            return false;
    }
    return true;
}

static bool
is_wanted(const struct gemm_backend *backend, const char *wanted)
{
    return wanted == NULL || strcmp(wanted, "auto") == 0 || strcmp(wanted, backend->name) == 0;
}

/* Load a backend and let it multiply. */
static int
try_backend(struct gemm_engine *engine, const struct gemm_backend *backend, struct err *err)
{
    *engine = (struct gemm_engine){.backend = backend};
    if (backend->load(&engine->loaded, err) != 0)
        return err->code;
    if (self_test(engine))
        return 0;
    err_set(err, ERR_UNSUPPORTED,
            "%s multiplies wrongly on this processor; for OpenBLAS set OPENBLAS_CORETYPE to a "
            "kernel set that it supports (Haswell, SkylakeX), or install another version",
            engine->loaded.name);
    backend->unload(engine->loaded.state);
    return err->code;
}

int
gemm_engine_open(const char *wanted, struct gemm_engine **out, struct err *err)
{
    struct gemm_engine *engine = mem_small(sizeof *engine);
    err_set(err, ERR_INVALID, "'%.40s' is no engine; engines are native, onednn, openblas, or auto",
            wanted == NULL ? "" : wanted);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        if (is_wanted(backends[i], wanted) && try_backend(engine, backends[i], err) == 0) {
            *out = engine;
            return 0;
        }
    }
    free(engine);
    return err->code;
}

void
gemm_engine_close(struct gemm_engine *engine)
{
    if (engine == NULL)
        return;
    engine->backend->unload(engine->loaded.state);
    free(engine);
}

const char *
gemm_engine_name(const struct gemm_engine *engine)
{
    return engine->loaded.name;
}

bool
gemm_engine_has_bf16(const struct gemm_engine *engine)
{
    return engine->loaded.has_bf16;
}

double
gemm_engine_rate(const struct gemm_engine *engine)
{
    size_t count = (size_t)RATE_SIDE * RATE_SIDE;
    float *memory = mem_array(3 * count, sizeof *memory);
    if (memory == NULL)
        return 0;
    struct gemm_call call = {.form = GEMM_NT,
                             .m = RATE_SIDE,
                             .n = RATE_SIDE,
                             .k = RATE_SIDE,
                             .a = memory,
                             .lda = RATE_SIDE,
                             .b = memory + count,
                             .ldb = RATE_SIDE,
                             .c = memory + 2 * count,
                             .ldc = RATE_SIDE};
    double best = 0;
    for (int round = 0; round < RATE_ROUNDS; round++) {
        struct timespec start;
        struct timespec end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        gemm_run(engine, &call);
        clock_gettime(CLOCK_MONOTONIC, &end);
        double seconds =
            (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
        double rate = seconds > 0 ? 2e-9 * (double)count * RATE_SIDE / seconds : 0;
        best = rate > best ? rate : best;
    }
    free(memory);
    return best;
}

void
gemm_fill_bias(const struct gemm_call *call)
{
    for (size_t row = 0; row < call->m; row++)
        memcpy(call->c + row * call->ldc, call->bias, call->n * sizeof *call->bias);
}

size_t
gemm_panel_width(const struct gemm_engine *engine)
{
    return engine->loaded.panel_width;
}

enum { PANEL_ROWS = 32 }; /* of B at a time: what is read stays in the cache */

void
gemm_panels(const struct gemm_engine *engine, size_t n, size_t k, const float *b, float *panels)
{
    size_t width = engine->loaded.panel_width;
    for (size_t column = 0; column < n; column += width)
        for (size_t from = 0; from < k; from += PANEL_ROWS)
            for (size_t j = 0; j < width; j++)
                for (size_t p = from; p < k && p < from + PANEL_ROWS; p++)
                    panels[(column * k) + p * width + j] = b[(column + j) * k + p];
}

/* ---- sharing --------------------------------------------------------------------------------- */

/* Multiply-adds of a product that is worth waking a thread: some ten microseconds' worth. */
enum { SHARE_LEAST = 1 << 20 };

struct gemm_engine *
gemm_engine_share(const struct gemm_engine *engine, struct pool *pool)
{
    struct gemm_engine *shared = mem_small(sizeof *shared);
    *shared = *engine;
    shared->pool = engine->backend == &gemm_native && pool_threads(pool) > 1 ? pool : NULL;
    return shared;
}

void
gemm_engine_unshare(struct gemm_engine *shared)
{
    free(shared);
}

/* A product that is computed in parts of so many columns. */
struct shared_product {
    const struct gemm_engine *engine;
    const struct gemm_call *call;
    size_t columns;
};

static const float *
columns_of_b(const struct gemm_call *call, size_t from)
{
    if (call->panel_stride > 0)
        return call->b + from / call->ldb * call->panel_stride;
    return call->form == GEMM_NT ? call->b + from * call->ldb : call->b + from;
}

static void
run_part(void *context, size_t part, size_t thread)
{
    const struct shared_product *product = context;
    struct gemm_call call = *product->call;
    size_t from = part * product->columns;
    (void)thread;
    call.n = call.n - from < product->columns ? call.n - from : product->columns;
    if (call.b_half != NULL)
        call.b_half += from;
    else
        call.b = columns_of_b(&call, from);
    call.bias = call.bias == NULL ? NULL : call.bias + from;
    call.c += from;
    product->engine->backend->run(product->engine->loaded.state, &call);
}

/* Parts are whole panels of the engine. */
static void
run_shared(const struct gemm_engine *engine, const struct gemm_call *call)
{
    size_t width = engine->loaded.panel_width;
    size_t threads = pool_threads(engine->pool);
    size_t panels = (call->n + width - 1) / width;
    struct shared_product product = {engine, call, (panels + threads - 1) / threads * width};
    pool_run(engine->pool, run_part, &product, (call->n + product.columns - 1) / product.columns);
}

/* ---- one product ----------------------------------------------------------------------------- */

/* An empty sum is zero. */
static void
run_empty(const struct gemm_call *call)
{
    if (call->bias != NULL)
        gemm_fill_bias(call);
    else if (!call->accumulate)
        for (size_t row = 0; row < call->m; row++)
            memset(call->c + row * call->ldc, 0, call->n * sizeof *call->c);
}

void
gemm_run(const struct gemm_engine *engine, const struct gemm_call *call)
{
    if (call->m == 0 || call->n == 0 || call->k == 0)
        run_empty(call);
    else if (engine->pool != NULL && call->m * call->n * call->k >= SHARE_LEAST)
        run_shared(engine, call);
    else
        engine->backend->run(engine->loaded.state, call);
}
